/**
 * The dialog of what a person wants to do with rows: exclude, include, accept, mend, redirect, hold.
 */
import type { ReactElement } from "react";
import type { Row } from "../api/client";
import { useBatch } from "./BatchContext";
import { DecideDialog } from "./DecideDialog";
import type { Target } from "./decision";
import { HoldDialog } from "./HoldDialog";
import { MendDialog } from "./MendDialog";
import { RedirectDialog } from "./RedirectDialog";

/** What is asked for: a decision about rows of this batch, or a hold on what a row has. */
export type Asked =
  | { act: "exclude" | "include" | "accept"; target: Target }
  | { act: "mend"; row: Row; field: "merchant" | "ein" }
  | { act: "redirect"; row: Row }
  | { act: "hold"; row: Row };

type RowDialogProps = { asked: Asked; onClose: () => void; onDone: () => void };

export default function RowDialog({ asked, onClose, onDone }: RowDialogProps): ReactElement {
  const { reload } = useBatch();
  if (asked.act === "mend") return <MendDialog {...asked} onClose={onClose} onDecided={onDone} />;
  if (asked.act === "redirect")
    return <RedirectDialog row={asked.row} onClose={onClose} onDecided={onDone} />;
  if (asked.act !== "hold")
    return (
      <DecideDialog act={asked.act} target={asked.target} onClose={onClose} onDecided={onDone} />
    );
  const held = () => {
    void reload();
    onDone();
  };
  return <HoldDialog row={asked.row} onClose={onClose} onDone={held} />;
}
