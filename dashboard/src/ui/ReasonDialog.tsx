/** Asks before an action that matters, says what it does to money, and takes the reason. */
import Button from "@mui/material/Button";
import Dialog from "@mui/material/Dialog";
import DialogActions from "@mui/material/DialogActions";
import DialogContent from "@mui/material/DialogContent";
import DialogTitle from "@mui/material/DialogTitle";
import TextField from "@mui/material/TextField";
import { type ReactElement, type ReactNode, useEffect, useState } from "react";
import { type MessageId, T, useText } from "../i18n/i18n";
import { ProblemPanel } from "./ProblemPanel";

export type ReasonDialogProps = {
  title: string;
  children: ReactNode;
  /** The word on the button that confirms. */
  confirm: string;
  tone?: "primary" | "error" | "warning";
  reason: "required" | "optional" | "none";
  /** What the text is called, if it is no reason. */
  label?: MessageId;
  /** Something else than the reason is not filled in yet, so it cannot be confirmed. */
  incomplete?: boolean;
  busy: boolean;
  error: unknown;
  /** Its name in the address, if it is to be open again after a new sign-in. */
  dialog?: string;
  onClose: () => void;
  onConfirm: (reason: string) => void;
};

export default function ReasonDialog(props: ReasonDialogProps): ReactElement {
  const { title, children, reason, label, incomplete = false } = props;
  const { busy, error, dialog, onClose, onConfirm } = props;
  const [typed, setTyped] = useState("");
  useFocusAfterClosing();
  const missing = incomplete || (reason === "required" && typed.trim() === "");
  return (
    <Dialog
      open
      onClose={busy ? undefined : onClose}
      fullWidth
      maxWidth="sm"
      aria-labelledby="reason-title"
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (!missing && !busy) onConfirm(typed.trim());
        }}
      >
        <DialogTitle id="reason-title">{title}</DialogTitle>
        <DialogContent>
          {children}
          {reason !== "none" && (
            <ReasonField
              label={label}
              required={reason === "required"}
              value={typed}
              onChange={setTyped}
            />
          )}
          {Boolean(error) && <ProblemPanel error={error} unsafe dialog={dialog} />}
        </DialogContent>
        <Buttons {...props} missing={missing} />
      </form>
    </Dialog>
  );
}

type ReasonFieldProps = {
  label: MessageId | undefined;
  required: boolean;
  value: string;
  onChange: (value: string) => void;
};

function ReasonField({ label, required, value, onChange }: ReasonFieldProps): ReactElement {
  const text = useText();
  return (
    <TextField
      label={text(label ?? (required ? "reason.required" : "reason.optional"))}
      value={value}
      onChange={(event) => onChange(event.target.value)}
      required={required}
      fullWidth
      multiline
      maxRows={4}
      margin="normal"
      slotProps={{ htmlInput: { maxLength: 500 } }}
    />
  );
}

function Buttons(props: ReasonDialogProps & { missing: boolean }): ReactElement {
  const { confirm, tone = "primary", busy, missing, onClose } = props;
  const text = useText();
  return (
    <DialogActions sx={{ flexWrap: "wrap", p: 2 }}>
      <Button onClick={onClose} disabled={busy}>
        <T id="cancel" />
      </Button>
      <Button
        type="submit"
        variant="contained"
        color={tone}
        disabled={missing}
        aria-disabled={missing || busy}
      >
        {busy ? text("working") : confirm}
      </Button>
    </DialogActions>
  );
}

const WATCH_MS = 5_000;

/**
 * The dialog gives the focus back to the button that opened it. Where that button disappears, at
 * once or when the action takes effect, the page's heading gets the focus.
 */
function useFocusAfterClosing(): void {
  useEffect(
    () => () => {
      // Not at once: in the middle of a Tab nothing has the focus for a moment.
      const changes = new MutationObserver(() => void setTimeout(focusHeadingIfLost));
      changes.observe(document.body, { childList: true, subtree: true });
      setTimeout(focusHeadingIfLost);
      setTimeout(() => changes.disconnect(), WATCH_MS);
    },
    [],
  );
}

function focusHeadingIfLost(): void {
  const lost = document.activeElement === null || document.activeElement === document.body;
  if (lost) document.querySelector<HTMLElement>("main h1")?.focus({ preventScroll: true });
}
