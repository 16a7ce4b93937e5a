import Button from "@mui/material/Button";
import { lazy, type ReactElement, Suspense, useState } from "react";
import { query } from "../api/client";
import { T, useText } from "../i18n/i18n";
import { Card } from "../ui/page";
import { useBatch } from "./useBatch";

const ReasonDialog = lazy(() => import("../ui/ReasonDialog"));

/** Discards a batch that was not approved; nothing of it was or will be paid. */
export function Discard(): ReactElement {
  const { batch, again } = useBatch();
  const [asking, setAsking] = useState(false);
  const text = useText();
  const discard = query.useMutation("post", "/api/v1/batches/{batch_id}/discard", {
    onSuccess: () => {
      setAsking(false);
      void again();
    },
  });
  return (
    <Card
      title={<T id="discard.title" />}
      actions={
        <Button color="error" variant="outlined" onClick={() => setAsking(true)}>
          <T id="discard.act" />
        </Button>
      }
    >
      <p>
        <T id="discard.means" />
      </p>
      {asking && (
        <Suspense fallback={null}>
          <ReasonDialog
            title={text("discard.ask")}
            act={text("discard.act")}
            tone="error"
            reason="required"
            busy={discard.isPending}
            error={discard.error}
            onClose={() => setAsking(false)}
            onAct={(reason) =>
              discard.mutate({ params: { path: { batch_id: batch.batch_id } }, body: { reason } })
            }
          >
            <p>
              <T id="discard.means" />
            </p>
          </ReasonDialog>
        </Suspense>
      )}
    </Card>
  );
}
