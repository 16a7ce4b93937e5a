/** Asks for a value that is missing, then for the reason, with what it changes in money. */
import { type ReactElement, useState } from "react";
import type { Row } from "../api/client";
import { T, useText } from "../i18n/i18n";
import { ActionDialog } from "../ui/ActionDialog";
import { Field, Input } from "../ui/fields";
import { DecideDialog } from "./DecideDialog";
import { missingValue } from "./decision";

type MendDialogProps = {
  row: Row;
  field: "merchant" | "ein";
  onClose: () => void;
  onDecided: () => void;
};

export function MendDialog({ row, field, onClose, onDecided }: MendDialogProps): ReactElement {
  const text = useText();
  const [typed, setTyped] = useState("");
  const [entered, setEntered] = useState(false);
  const missing = missingValue(row, field, typed);
  if (entered && missing)
    return <DecideDialog act="mend" target={missing} onClose={onClose} onDecided={onDecided} />;
  return (
    <ActionDialog
      title={text("decide.mend.title")}
      confirm={text("pager.next")}
      reason="none"
      incomplete={!missing}
      busy={false}
      error={null}
      onClose={onClose}
      onConfirm={() => setEntered(true)}
    >
      <Field>
        <T id={`decide.mend.${field}`} values={{ institution: row.institution_id }} />
        <Input value={typed} onChange={(event) => setTyped(event.target.value)} />
      </Field>
    </ActionDialog>
  );
}
