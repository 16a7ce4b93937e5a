import Button, { type ButtonProps } from "@mui/material/Button";
import { useMutation } from "@tanstack/react-query";
import { type ReactElement, useState } from "react";
import { ActionDialog } from "./ActionDialog";
import type { ReasonDialogProps } from "./ReasonDialog";
import { hasComeBackTo, useForgetDialog } from "./signInAnew";

type Asked = Pick<ReasonDialogProps, "title" | "tone" | "reason" | "label" | "children" | "dialog">;
type ActionButtonProps = Asked & {
  /** The words on the button; on the one that confirms too, unless `confirm` says otherwise. */
  name: string;
  confirm?: string;
  /** How the button looks that opens the dialog, and what it is called for who only hears it. */
  button?: Pick<ButtonProps, "size" | "variant" | "color" | "disabled" | "aria-label">;
  onOpen?: () => void;
  /** Does it. Throws a Problem, which is shown in the dialog; what was typed is kept. */
  send: (reason: string) => Promise<unknown>;
  onDone?: () => void;
  /** Called after a refusal too, where that may mean that the page has changed meanwhile. */
  onSettled?: () => void;
};

/** A button with a dialog that says what an action does, and does it when that is confirmed. */
export function ActionButton(props: ActionButtonProps): ReactElement {
  const { name, confirm = name, button, onOpen, send, onDone, onSettled, ...asked } = props;
  const dialog = props.dialog ?? "";
  const [open, setOpen] = useState(() => hasComeBackTo(dialog));
  useForgetDialog(dialog);
  const sending = useMutation({
    mutationFn: send,
    onSuccess: () => {
      setOpen(false);
      onDone?.();
    },
    onSettled,
  });
  const start = () => {
    sending.reset(); // an error of the last time
    onOpen?.();
    setOpen(true);
  };
  return (
    <>
      <Button variant="outlined" {...button} onClick={start}>
        {name}
      </Button>
      {open && (
        <ActionDialog
          {...asked}
          confirm={confirm}
          busy={sending.isPending}
          error={sending.error}
          onClose={() => setOpen(false)}
          onConfirm={(reason) => sending.mutate(reason)}
        />
      )}
    </>
  );
}
