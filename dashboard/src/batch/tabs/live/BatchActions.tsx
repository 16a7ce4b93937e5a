import Button from "@mui/material/Button";
import { useMutation } from "@tanstack/react-query";
import { type ReactElement, useState } from "react";
import { api } from "../../../api/client";
import { hasRole } from "../../../api/session";
import { useSignedIn } from "../../../api/signedIn";
import { PAUSED, RUNNING } from "../../../api/statuses";
import { T, useText } from "../../../i18n/i18n";
import { ActionDialog } from "../../../ui/ActionDialog";
import { Money } from "../../../ui/format";
import { ButtonRow } from "../../../ui/layout";
import { Notice } from "../../../ui/Notice";
import { useBatch } from "../../BatchContext";

type Action = "pause" | "resume" | "cancel";

/** Pause, resume, or cancel what is not sent: for an approver, while payments may still be sent. */
export function BatchActions(): ReactElement | null {
  const { batch } = useBatch();
  const { me } = useSignedIn();
  if (!RUNNING.has(batch.status)) return null;
  if (!hasRole(me, "approver"))
    return (
      <p>
        <T id="action.others" />
      </p>
    );
  return <ActionButtons />;
}

function ActionButtons(): ReactElement {
  const { batch } = useBatch();
  const text = useText();
  const [chosen, setChosen] = useState<Action | null>(null);
  const act = useBatchAction(() => setChosen(null));
  const paused = PAUSED.has(batch.status);
  const cancelling = batch.status === "cancelling";
  const choose = (action: Action) => {
    act.reset();
    setChosen(action);
  };
  return (
    <ButtonRow role="group" aria-label={text("action.label")} style={{ marginBottom: 16 }}>
      {!paused && !cancelling && (
        <Button variant="outlined" color="warning" onClick={() => choose("pause")}>
          <T id="action.pause" />
        </Button>
      )}
      {(paused || batch.stopped_sources.length > 0) && (
        <Button variant="contained" onClick={() => choose("resume")}>
          <T id="action.resume" />
        </Button>
      )}
      {!cancelling && (
        <Button variant="outlined" color="error" onClick={() => choose("cancel")}>
          <T id="action.cancel" />
        </Button>
      )}
      {act.isSuccess && !chosen && (
        <Notice tone="info" live>
          <T id="action.accepted" />
        </Notice>
      )}
      {chosen && (
        <ConfirmAction
          action={chosen}
          busy={act.isPending}
          error={act.error}
          onClose={() => setChosen(null)}
          onConfirm={(reason) => act.mutate({ action: chosen, reason })}
        />
      )}
    </ButtonRow>
  );
}

function useBatchAction(onAccepted: () => void) {
  const { batch, reload } = useBatch();
  return useMutation({
    mutationFn: ({ action, reason }: { action: Action; reason: string }) => {
      const request = { params: { path: { batch_id: batch.batch_id } }, body: { reason } };
      if (action === "pause") return api.POST("/api/v1/batches/{batch_id}/pause", request);
      if (action === "resume") return api.POST("/api/v1/batches/{batch_id}/resume", request);
      return api.POST("/api/v1/batches/{batch_id}/cancel", request);
    },
    onSuccess: () => {
      onAccepted();
      void reload();
    },
    onError: () => void reload(),
  });
}

type ConfirmActionProps = {
  action: Action;
  busy: boolean;
  error: unknown;
  onClose: () => void;
  onConfirm: (reason: string) => void;
};

/** Asks before the action, with the money it concerns. */
function ConfirmAction({ action, ...dialog }: ConfirmActionProps): ReactElement {
  const cents = useBatch().batch.payment_amount_cents;
  const text = useText();
  return (
    <ActionDialog
      title={text(`action.${action}.ask`)}
      confirm={text(`action.${action}`)}
      tone={action === "cancel" ? "error" : "primary"}
      reason={action === "resume" ? "optional" : "required"}
      {...dialog}
    >
      <p>
        <T id={`action.${action}.means`} />
      </p>
      <Notice tone="info">
        <T
          id="action.amounts"
          values={{
            out: <Money cents={cents.completed + cents.pending + cents.sending} />,
            unsent: <Money cents={cents.unprocessed} />,
          }}
        />
      </Notice>
    </ActionDialog>
  );
}
