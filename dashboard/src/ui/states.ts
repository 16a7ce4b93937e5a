/** The API's own states; each has a word and a sentence (messages `state.<kind>.<state>` and `….means`), an icon's shape and a tone. */
import type { BatchStatus, Payment, Row } from "../api/client";
import type { IconName } from "./icons";

export type Tone = "neutral" | "info" | "success" | "warning" | "error";
export type Look = { icon: IconName; tone: Tone };
export type Kind = "batch" | "row" | "payment";
type Looks<S extends string> = Readonly<Record<S, Look>>;

export const BATCH: Looks<BatchStatus> = {
  receiving: { icon: "arrow-down", tone: "neutral" },
  reading: { icon: "clock", tone: "neutral" },
  checking: { icon: "clock", tone: "info" },
  ready: { icon: "hand", tone: "warning" },
  approved: { icon: "check", tone: "info" },
  paying: { icon: "arrow-right", tone: "info" },
  pausing: { icon: "pause", tone: "warning" },
  paused: { icon: "pause", tone: "warning" },
  cancelling: { icon: "stop", tone: "warning" },
  cancelled: { icon: "stop", tone: "neutral" },
  completed: { icon: "check-circle", tone: "success" },
  completed_with_failures: { icon: "triangle", tone: "warning" },
  archived: { icon: "box", tone: "neutral" },
  rejected: { icon: "octagon", tone: "error" },
  discarded: { icon: "cross", tone: "neutral" },
  expired: { icon: "clock", tone: "neutral" },
};

export const ROW: Looks<Row["status"]> = {
  payable: { icon: "check", tone: "success" },
  unpayable: { icon: "hand", tone: "warning" },
  refused: { icon: "octagon", tone: "error" },
  excluded: { icon: "cross", tone: "neutral" },
};

export const PAYMENT: Looks<Payment["status"]> = {
  unprocessed: { icon: "clock", tone: "neutral" },
  sending: { icon: "arrow-right", tone: "info" },
  pending: { icon: "dots", tone: "info" },
  completed: { icon: "check-circle", tone: "success" },
  failed: { icon: "octagon", tone: "error" },
  in_doubt: { icon: "question", tone: "warning" },
  held: { icon: "hand", tone: "warning" },
  cancelled: { icon: "stop", tone: "neutral" },
  reversed: { icon: "arrow-back", tone: "error" },
};

const ALL: Record<Kind, Readonly<Record<string, Look>>> = {
  batch: BATCH,
  row: ROW,
  payment: PAYMENT,
};

/** How a state looks; one this page does not know is shown as it is, as a question. */
export function lookOf(kind: Kind, state: string): Look {
  return ALL[kind][state] ?? { icon: "question", tone: "neutral" };
}

/** Nothing of such a batch was ever sent. */
export const NOTHING_SENT: ReadonlySet<string> = new Set([
  "receiving",
  "reading",
  "checking",
  "ready",
  "rejected",
  "discarded",
  "expired",
]);
/** Something is going on by itself, so the page asks again. */
export const MOVING: ReadonlySet<string> = new Set([
  "receiving",
  "reading",
  "checking",
  "approved",
  "paying",
  "pausing",
  "paused",
  "cancelling",
]);
/** Payments of it may still be sent. */
export const RUNNING: ReadonlySet<string> = new Set([
  "approved",
  "paying",
  "pausing",
  "paused",
  "cancelling",
]);
/** Its outcome is final, but for returns. */
export const ENDED: ReadonlySet<string> = new Set([
  "completed",
  "completed_with_failures",
  "cancelled",
  "archived",
]);
