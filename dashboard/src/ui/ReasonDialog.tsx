/** Asks before an order that matters; says what it does to money, and takes the reason. */
import Button from "@mui/material/Button";
import Dialog from "@mui/material/Dialog";
import DialogActions from "@mui/material/DialogActions";
import DialogContent from "@mui/material/DialogContent";
import DialogTitle from "@mui/material/DialogTitle";
import TextField from "@mui/material/TextField";
import { type ReactElement, type ReactNode, useEffect, useState } from "react";
import { T, useText } from "../i18n/i18n";
import { ProblemPanel } from "./ProblemPanel";

export type ReasonProps = {
  title: string;
  children: ReactNode;
  act: string;
  tone?: "primary" | "error" | "warning";
  reason: "required" | "optional" | "none";
  busy: boolean;
  error: unknown;
  onClose: () => void;
  onAct: (reason: string) => void;
};

const FOLLOWS_MS = 5_000;

function keepFocus(): void {
  const lost = document.activeElement === null || document.activeElement === document.body;
  if (lost) document.querySelector<HTMLElement>("main h1")?.focus({ preventScroll: true });
}

/** The dialog gives the focus back to what opened it; where that goes away, at once or once the order has come through, the page's heading takes it. */
function useFocusAfterwards(): void {
  useEffect(
    () => () => {
      const changes = new MutationObserver(() => {
        setTimeout(keepFocus);
      }); // at once it would come in the middle of a Tab, when nothing has the focus
      changes.observe(document.body, { childList: true, subtree: true });
      setTimeout(keepFocus);
      setTimeout(() => changes.disconnect(), FOLLOWS_MS);
    },
    [],
  );
}

export default function ReasonDialog({
  title,
  children,
  act,
  tone = "primary",
  reason,
  busy,
  error,
  onClose,
  onAct,
}: ReasonProps): ReactElement {
  const [said, setSaid] = useState("");
  const text = useText();
  useFocusAfterwards();
  const missing = reason === "required" && said.trim() === "";
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
          if (!missing && !busy) onAct(said.trim());
        }}
      >
        <DialogTitle id="reason-title">{title}</DialogTitle>
        <DialogContent>
          {children}
          {reason !== "none" && (
            <TextField
              label={text(reason === "required" ? "reason.required" : "reason.optional")}
              value={said}
              onChange={(event) => setSaid(event.target.value)}
              required={reason === "required"}
              fullWidth
              multiline
              maxRows={4}
              margin="normal"
              slotProps={{ htmlInput: { maxLength: 500 } }}
            />
          )}
          {Boolean(error) && <ProblemPanel error={error} unsafe />}
        </DialogContent>
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
            {busy ? text("working") : act}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
