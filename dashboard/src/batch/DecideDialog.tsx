/** Asks for the reason of a decision, and says first what it changes in money. */
import type { ReactElement } from "react";
import { api, query, type WantedDecision } from "../api/client";
import { usePreview } from "../api/preview";
import { ApiText } from "../i18n/ApiText";
import { T, useText } from "../i18n/i18n";
import { ActionDialog } from "../ui/ActionDialog";
import { Money } from "../ui/format";
import { ProblemPanel } from "../ui/ProblemPanel";
import { useBatch } from "./BatchContext";
import { decisionRequest, type Target } from "./decision";

type DecideDialogProps = {
  act: WantedDecision["act"];
  target: Target;
  onClose: () => void;
  onDecided: () => void;
};

export function DecideDialog({ act, target, onClose, onDecided }: DecideDialogProps): ReactElement {
  const { batch, reload } = useBatch();
  const text = useText();
  const path = { batch_id: batch.batch_id };
  const asked = {
    decisions: [decisionRequest(act, target, "-")],
    digest: batch.digest ?? "",
    dry_run: true,
  };
  const preview = usePreview([path, asked], async () => {
    const params = { params: { path }, body: asked };
    return (await api.POST("/api/v1/batches/{batch_id}/decisions", params)).data;
  });
  const decide = query.useMutation("post", "/api/v1/batches/{batch_id}/decisions", {
    onSuccess: onDecided,
    onSettled: () => void reload(), // also after a refusal: the batch may have changed
  });
  const send = (reason: string) =>
    decide.mutate({
      params: { path },
      body: {
        decisions: [decisionRequest(act, target, reason)],
        digest: batch.digest ?? "",
        dry_run: false,
      },
    });
  return (
    <ActionDialog
      title={text(`decide.${act}.title`)}
      confirm={text(`decide.${act}`)}
      tone={act === "include" ? "warning" : "primary"}
      reason="required"
      busy={decide.isPending || !preview.data}
      error={decide.error}
      onClose={onClose}
      onConfirm={send}
    >
      {preview.error && <ProblemPanel error={preview.error} />}
      {preview.data && <Change {...preview.data} />}
      <p>
        <T id={`decide.${act}.means`} />
      </p>
    </ActionDialog>
  );
}

type Payable = { rows: number; amount_cents: number };
type ChangeProps = {
  decisions: readonly { rows: number; amount_cents: number; change: string }[];
  payable_before: Payable;
  payable_after: Payable;
};

/** The rows that are decided about, and what the batch pays before and after. */
function Change({ decisions, payable_before, payable_after }: ChangeProps): ReactElement {
  const changes = [...new Set(decisions.map((one) => one.change).filter(Boolean))];
  const cents = decisions.reduce((sum, one) => sum + one.amount_cents, 0);
  return (
    <>
      {changes.map((change) => (
        <p key={change}>
          <ApiText text={change} kind="values" />
        </p>
      ))}
      <p>
        <T
          id="decide.rows"
          values={{
            n: decisions.reduce((sum, one) => sum + one.rows, 0),
            money: <Money cents={cents} />,
          }}
        />
      </p>
      <p>
        <T
          id="decide.change"
          values={{
            before: <Money cents={payable_before.amount_cents} />,
            after: <Money cents={payable_after.amount_cents} />,
            n: payable_after.rows,
          }}
        />
      </p>
    </>
  );
}
