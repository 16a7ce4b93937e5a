/**
 * How a status looks: an icon of its own shape, and a tone. Its word and its sentence are the
 * messages `status.<kind>.<status>` and `status.<kind>.<status>.means`.
 */
import type { IconName } from "./icons";

export type Tone = "neutral" | "info" | "success" | "warning" | "error";
export type StatusLook = { icon: IconName; tone: Tone };
export type StatusKind = "batch" | "row" | "payment";

export const BATCH_LOOKS = {
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
} as const satisfies Record<string, StatusLook>;

export const ROW_LOOKS = {
  payable: { icon: "check", tone: "success" },
  unpayable: { icon: "hand", tone: "warning" },
  refused: { icon: "octagon", tone: "error" },
  excluded: { icon: "cross", tone: "neutral" },
} as const satisfies Record<string, StatusLook>;

export const PAYMENT_LOOKS = {
  unprocessed: { icon: "clock", tone: "neutral" },
  sending: { icon: "arrow-right", tone: "info" },
  pending: { icon: "dots", tone: "info" },
  completed: { icon: "check-circle", tone: "success" },
  failed: { icon: "octagon", tone: "error" },
  in_doubt: { icon: "question", tone: "warning" },
  held: { icon: "hand", tone: "warning" },
  cancelled: { icon: "stop", tone: "neutral" },
  reversed: { icon: "arrow-back", tone: "error" },
} as const satisfies Record<string, StatusLook>;

const LOOKS: Record<StatusKind, Readonly<Record<string, StatusLook>>> = {
  batch: BATCH_LOOKS,
  row: ROW_LOOKS,
  payment: PAYMENT_LOOKS,
};

/** How a status looks. A status this page does not know gets a question mark. */
export function lookOf(kind: StatusKind, status: string): StatusLook {
  return LOOKS[kind][status] ?? { icon: "question", tone: "neutral" };
}
