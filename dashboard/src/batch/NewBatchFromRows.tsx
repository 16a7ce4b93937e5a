import { useNavigate } from "@tanstack/react-router";
import type { ReactElement } from "react";
import { api } from "../api/client";
import { T, useText } from "../i18n/i18n";
import { ActionButton } from "../ui/ActionButton";
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
  const text = useText();
  return (
    <ActionButton
      name={text("child.make")}
      button={{ size: "small" }}
      title={text("child.title")}
      confirm={text("child.act")}
      reason="required"
      send={useCreateChildBatch(props)}
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
    </ActionButton>
  );
}

/** Creates the batch and opens its page. */
function useCreateChildBatch({ filter, payments }: NewBatchFromRowsProps) {
  const { batch_id: batchId } = useBatch().batch;
  const navigate = useNavigate();
  return async (reason: string) => {
    const rows = payments ? await rowIdsOfPayments(batchId, new Set(payments)) : null;
    const { data: child } = await api.POST("/api/v1/batches/{batch_id}/child-batches", {
      params: { path: { batch_id: batchId } },
      body: rows ? { rows, reason } : { filter: { status: filter }, reason },
    });
    if (child) void navigate({ to: "/batches/$batchId", params: { batchId: child.batch_id } });
  };
}
