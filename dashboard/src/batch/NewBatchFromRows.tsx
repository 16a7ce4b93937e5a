import Button from "@mui/material/Button";
import { useMutation } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type ReactElement, useState } from "react";
import { api } from "../api/client";
import { T, useText } from "../i18n/i18n";
import { ActionDialog } from "../ui/ActionDialog";
import { Count, Money } from "../ui/format";
import { useBatch } from "./BatchContext";
import { rowIdsOfPayments } from "./useGroupedRows";

type NewBatchFromRowsProps = {
  filter: "unpayable" | "failed" | "cancelled";
  /** Only the rows of these payments; without it all rows that the filter names. */
  payments?: readonly string[];
  /** Of these payments, or of these rows; with their money. */
  count: number;
  cents: number;
};

/**
 * A button that takes rows which were not paid into a batch of their own (a child batch). Another
 * person approves it like any other batch.
 */
export function NewBatchFromRows(props: NewBatchFromRowsProps): ReactElement {
  const { filter, count, cents } = props;
  const [open, setOpen] = useState(false);
  const text = useText();
  const create = useCreateChildBatch(props);
  return (
    <>
      <Button variant="outlined" size="small" onClick={() => setOpen(true)}>
        <T id="child.make" />
      </Button>
      {open && (
        <ActionDialog
          title={text("child.title")}
          confirm={text("child.act")}
          reason="required"
          busy={create.isPending}
          error={create.error}
          onClose={() => setOpen(false)}
          onConfirm={(reason) => create.mutate(reason)}
        >
          <p>
            <T
              id={`child.what.${filter}`}
              values={{ n: <Count value={count} />, money: <Money cents={cents} /> }}
            />
          </p>
          <p>
            <T id="child.means" />
          </p>
        </ActionDialog>
      )}
    </>
  );
}

/** Creates the batch and opens its page. */
function useCreateChildBatch({ filter, payments }: NewBatchFromRowsProps) {
  const { batch_id: batchId } = useBatch().batch;
  const navigate = useNavigate();
  return useMutation({
    mutationFn: async (reason: string) => {
      const rows = payments ? await rowIdsOfPayments(batchId, new Set(payments)) : null;
      const { data } = await api.POST("/api/v1/batches/{batch_id}/child-batches", {
        params: { path: { batch_id: batchId } },
        body: rows ? { rows, reason } : { filter: { status: filter }, reason },
      });
      return data;
    },
    onSuccess: (child) => {
      if (child) void navigate({ to: "/batches/$batchId", params: { batchId: child.batch_id } });
    },
  });
}
