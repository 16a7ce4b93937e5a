/** Asks for the loan that is paid instead, then for the reason, with what it changes in money. */
import Box from "@mui/material/Box";
import { type ReactElement, useState } from "react";
import type { Row } from "../api/client";
import { T, useText } from "../i18n/i18n";
import { ActionDialog } from "../ui/ActionDialog";
import { Field, Input } from "../ui/fields";
import { DecideDialog } from "./DecideDialog";
import { newLoan } from "./decision";

type RedirectDialogProps = { row: Row; onClose: () => void; onDecided: () => void };

export function RedirectDialog({ row, onClose, onDecided }: RedirectDialogProps): ReactElement {
  const text = useText();
  const [institution, setInstitution] = useState(row.institution_id);
  const [number, setNumber] = useState("");
  const [entered, setEntered] = useState(false);
  const loan = newLoan(row.row_id, institution, number);
  if (entered && loan)
    return <DecideDialog act="redirect" target={loan} onClose={onClose} onDecided={onDecided} />;
  return (
    <ActionDialog
      title={text("decide.redirect.title")}
      confirm={text("pager.next")}
      reason="none"
      incomplete={!loan}
      busy={false}
      error={null}
      onClose={onClose}
      onConfirm={() => setEntered(true)}
    >
      <p>
        <T
          id="decide.redirect.from"
          values={{ institution: row.institution_id, last4: row.loan_last4 }}
        />
      </p>
      <Box sx={{ display: "grid", gap: 1.5 }}>
        <Field>
          <T id="decide.redirect.institution" />
          <Input value={institution} onChange={(event) => setInstitution(event.target.value)} />
        </Field>
        <Field>
          <T id="decide.redirect.number" />
          <Input
            autoComplete="off"
            value={number}
            onChange={(event) => setNumber(event.target.value)}
          />
        </Field>
      </Box>
    </ActionDialog>
  );
}
