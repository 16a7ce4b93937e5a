/** Statuses of batches and payments, grouped by what they mean for the page. */
import type { Batch, BatchStatus, Payment, Row } from "./client";

export type RowStatus = Row["status"];
export type PaymentStatus = Payment["status"];

export const ROW_STATUSES = [
  "payable",
  "unpayable",
  "refused",
  "excluded",
] as const satisfies readonly RowStatus[];

export const PAYMENT_STATUSES = [
  "unprocessed",
  "sending",
  "pending",
  "completed",
  "failed",
  "in_doubt",
  "held",
  "cancelled",
  "reversed",
] as const satisfies readonly PaymentStatus[];

const statuses = (...names: BatchStatus[]): ReadonlySet<string> => new Set(names);

/** Batches that were never approved, so nothing of them was ever sent. */
export const NEVER_APPROVED = statuses(
  "receiving",
  "reading",
  "checking",
  "ready",
  "rejected",
  "discarded",
  "expired",
);

/** Batches of which payments may still be sent. */
export const RUNNING = statuses("approved", "paying", "pausing", "paused", "cancelling");

/** Batches that change without anybody doing anything, so the page reads them again and again. */
export const CHANGING: ReadonlySet<string> = new Set([
  ...statuses("receiving", "reading", "checking"),
  ...RUNNING,
]);

/** Batches whose outcome is final; only payments that come back can still change it. */
export const ENDED = statuses("completed", "completed_with_failures", "cancelled", "archived");

/** Paused, or about to be. */
export const PAUSED = statuses("paused", "pausing");

/** How many payments are neither ended nor held for people: these still go on by themselves. */
export function unfinishedPayments({ payments: counts }: Batch): number {
  return counts.unprocessed + counts.sending + counts.pending + counts.in_doubt;
}

/** Whether an approved batch has a start of its own and has not begun; nothing of it was sent. */
export function isScheduled(batch: { status: string; start_at?: string | null }): boolean {
  return batch.status === "approved" && Boolean(batch.start_at);
}
