import Button from "@mui/material/Button";
import { type ReactElement, useState } from "react";
import { query } from "../api/client";
import { T, useText } from "../i18n/i18n";
import { ActionDialog } from "../ui/ActionDialog";
import { ButtonRow } from "../ui/layout";
import { Notice } from "../ui/Notice";

type AskProviderAgainProps = { batchId: string; onRetried: () => void };

/** A button that asks the provider again about what it refused or disabled, with a reason. */
export default function AskProviderAgain({
  batchId,
  onRetried,
}: AskProviderAgainProps): ReactElement {
  const text = useText();
  const [open, setOpen] = useState(false);
  const retry = query.useMutation("post", "/api/v1/batches/{batch_id}/retry-refused", {
    onSuccess: () => {
      setOpen(false);
      onRetried();
    },
  });
  return (
    <ButtonRow>
      <Button variant="outlined" onClick={() => setOpen(true)}>
        <T id="retry.act" />
      </Button>
      {retry.data && !open && <Retried {...retry.data} />}
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
            retry.mutate({ params: { path: { batch_id: batchId } }, body: { reason } })
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

/** What is tried again, and what was refused too often for that. */
function Retried({ retried, exhausted }: { retried: number; exhausted: number }): ReactElement {
  return (
    <Notice tone={exhausted > 0 ? "warning" : "info"} live>
      {(retried > 0 || exhausted === 0) && <T id="retry.done" values={{ n: retried }} />}{" "}
      {exhausted > 0 && <T id="retry.exhausted" values={{ n: exhausted }} />}
    </Notice>
  );
}
