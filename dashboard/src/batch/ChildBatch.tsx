/** Takes rows that were not paid into a batch of their own, which another person approves like any other. */
import Button from "@mui/material/Button";
import { useMutation } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { lazy, type ReactElement, Suspense, useState } from "react";
import { api } from "../api/client";
import { T, useText } from "../i18n/i18n";
import { Count, Money } from "../ui/figures";
import { useBatch } from "./useBatch";
import { rowIdsOf } from "./grouped";

const ReasonDialog = lazy(() => import("../ui/ReasonDialog"));

type Props = {
  filter: "unpayable" | "failed" | "cancelled";
  payments?: readonly string[];
  count: number;
  cents: number;
};

/** `payments`: only the rows of these; else all rows of the kind. */
export function ChildBatch({ filter, payments, count, cents }: Props): ReactElement {
  const { batch } = useBatch();
  const [asking, setAsking] = useState(false);
  const navigate = useNavigate();
  const text = useText();
  const make = useMutation({
    mutationFn: async (reason: string) => {
      const rows = payments ? await rowIdsOf(batch.batch_id, new Set(payments)) : null;
      const { data } = await api.POST("/api/v1/batches/{batch_id}/child-batches", {
        params: { path: { batch_id: batch.batch_id } },
        body: rows ? { rows, reason } : { filter: { status: filter }, reason },
      });
      return data;
    },
    onSuccess: (made) => {
      if (made) void navigate({ to: "/batches/$batchId", params: { batchId: made.batch_id } });
    },
  });
  return (
    <>
      <Button variant="outlined" size="small" onClick={() => setAsking(true)}>
        <T id="child.make" values={{ n: count }} />
      </Button>
      {asking && (
        <Suspense fallback={null}>
          <ReasonDialog
            title={text("child.title")}
            act={text("child.act")}
            reason="required"
            busy={make.isPending}
            error={make.error}
            onClose={() => setAsking(false)}
            onAct={(reason) => make.mutate(reason)}
          >
            <p>
              <T
                id={`child.what.${filter}`}
                values={{ n: <Count of={count} />, money: <Money cents={cents} /> }}
              />
            </p>
            <p>
              <T id="child.means" />
            </p>
          </ReasonDialog>
        </Suspense>
      )}
    </>
  );
}
