/** Asks what of a row is held, until when and why; says first which open batches pay such rows. */
import { type ReactElement, useState } from "react";
import { api, type HoldChange, type HoldKind, query } from "../api/client";
import { usePreview } from "../api/preview";
import { type MessageId, T, useText } from "../i18n/i18n";
import { ActionDialog } from "../ui/ActionDialog";
import { Field, Input } from "../ui/fields";
import { OptionField } from "../ui/Filters";
import { Money } from "../ui/format";
import { HeldThing } from "../ui/HeldThing";
import { ProblemPanel } from "../ui/ProblemPanel";

/** The hold is on what a row has, so it names nothing else. */
const UNNAMED = { id: "", institution_id: "", evidence: "" };
const KINDS: readonly HoldKind[] = ["person", "loan", "branch", "source"];

type HoldDialogProps = { row: { row_id: string }; onClose: () => void; onDone: () => void };

export function HoldDialog({ row, onClose, onDone }: HoldDialogProps): ReactElement {
  const [kind, setKind] = useState<HoldKind>("person");
  const [lastDay, setLastDay] = useState("");
  const text = useText();
  const wanted = { ...UNNAMED, kind, row_id: row.row_id, last_day: lastDay || null };
  const preview = usePreview(["hold", wanted], async () => {
    const body = { ...wanted, reason: "-", dry_run: true };
    return (await api.POST("/api/v1/holds", { body })).data;
  });
  const hold = query.useMutation("post", "/api/v1/holds", { onSuccess: onDone });
  return (
    <ActionDialog
      title={text("hold.title")}
      confirm={text("hold.act")}
      reason="required"
      busy={hold.isPending || !preview.data}
      error={hold.error}
      onClose={onClose}
      onConfirm={(reason) => hold.mutate({ body: { ...wanted, reason, dry_run: false } })}
    >
      <OptionField
        label="hold.what"
        value={kind}
        options={KINDS}
        optionLabel={(one) => `hold.kind.${one}` as MessageId}
        onChange={(one) => setKind(one as HoldKind)}
      />
      <Field>
        <T id="hold.last-day" />
        <Input type="date" value={lastDay} onChange={(event) => setLastDay(event.target.value)} />
      </Field>
      {preview.error && <ProblemPanel error={preview.error} />}
      {preview.data && <Affected change={preview.data} />}
      <p>
        <T id="hold.means" />
      </p>
    </ActionDialog>
  );
}

function sum(batches: readonly { rows: number; amount_cents: number }[]) {
  return {
    n: batches.reduce((rows, one) => rows + one.rows, 0),
    money: <Money cents={batches.reduce((cents, one) => cents + one.amount_cents, 0)} />,
  };
}

/** What is held, and what open and approved batches pay of it. */
function Affected({ change }: { change: HoldChange }): ReactElement {
  return (
    <>
      <p>
        <b>
          <HeldThing hold={change} />
        </b>
        . <T id="hold.open" values={sum(change.open_batches)} />
      </p>
      {change.approved_batches.length > 0 && (
        <p>
          <T id="hold.approved" values={sum(change.approved_batches)} />
        </p>
      )}
    </>
  );
}
