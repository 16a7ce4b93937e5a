/** What the provider refused of a batch since its check, and how people ask it again. */
import Button from "@mui/material/Button";
import { type ReactElement, useState } from "react";
import { type Batch, query } from "../api/client";
import { hasRole } from "../api/session";
import { useSignedIn } from "../api/signedIn";
import { RUNNING } from "../api/statuses";
import { T, useText } from "../i18n/i18n";
import { ActionDialog } from "../ui/ActionDialog";
import { ButtonRow } from "../ui/layout";
import { Notice } from "../ui/Notice";

type Props = { batch: Batch; onRetried: () => void };

export function RefusedByProvider({ batch, onRetried }: Props): ReactElement {
  const { me } = useSignedIn();
  const { rows, under_way: underWay } = batch.refused_by_provider;
  return (
    <>
      {rows > 0 && (
        <Notice tone="warning">
          <T id="batch.refused" values={{ n: rows }} />{" "}
          {underWay > 0 && <T id="batch.refused.under-way" values={{ n: underWay }} />}
        </Notice>
      )}
      {mayAskAgain(batch) && hasRole(me, "preparer", "approver") && (
        <AskAgain batch={batch} onRetried={onRetried} />
      )}
    </>
  );
}

/** Whether something of a batch may be refused that another try could mend. */
export function mayAskAgain(batch: Batch): boolean {
  const { status, refused_by_provider: refused, stopped_sources: stopped, rows } = batch;
  if (status === "ready") return refused.rows > 0 || rows.unpayable > 0;
  return RUNNING.has(status) && (refused.rows > 0 || stopped.length > 0);
}

function AskAgain({ batch, onRetried }: Props): ReactElement {
  const text = useText();
  const [open, setOpen] = useState(false);
  const retry = query.useMutation("post", "/api/v1/batches/{batch_id}/retry-refused", {
    onSuccess: () => {
      setOpen(false);
      onRetried();
    },
  });
  return (
    <ButtonRow style={{ marginBottom: 16 }}>
      <Button variant="outlined" onClick={() => setOpen(true)}>
        <T id="retry.act" />
      </Button>
      {retry.data && !open && (
        <Notice tone="info" live>
          <T id="retry.done" values={{ n: retry.data.retried }} />
        </Notice>
      )}
      {open && (
        <ActionDialog
          title={text("retry.ask")}
          confirm={text("retry.act")}
          tone="primary"
          reason="required"
          busy={retry.isPending}
          error={retry.error}
          onClose={() => setOpen(false)}
          onConfirm={(reason) =>
            retry.mutate({ params: { path: { batch_id: batch.batch_id } }, body: { reason } })
          }
        >
          <p>
            <T id="retry.means" />
          </p>
        </ActionDialog>
      )}
    </ButtonRow>
  );
}
