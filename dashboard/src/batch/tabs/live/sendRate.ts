/** How fast payments are sent, and when all of them will have been sent. */
import type { QueuePoint } from "./useLiveBatch";

const OBSERVED_MIN_MS = 10_000;
const WINDOW_MS = 60_000;

/**
 * Payments per minute that left the queue, measured over the last minute.
 *
 * Null until ten seconds were observed.
 */
export function sendRate(points: readonly QueuePoint[], now: number): number | null {
  const recent = points.filter((point) => now - point.at <= WINDOW_MS);
  const [first] = recent;
  const last = recent.at(-1);
  if (!first || !last || last.at - first.at < OBSERVED_MIN_MS) return null;
  return ((first.left - last.left) * 60_000) / (last.at - first.at);
}

/**
 * Seconds until `left` payments are sent at this rate; null if the rate is unknown or nothing
 * moves.
 */
export function secondsToSend(left: number, perMinute: number | null): number | null {
  if (left === 0) return 0;
  return perMinute === null || perMinute <= 0 ? null : (left * 60) / perMinute;
}

/**
 * How many payments would be left at a moment if the provider's limit were used fully from `first`
 * on.
 */
export function leftAtLimit(first: QueuePoint, perMinute: number, at: number): number {
  return Math.max(0, Math.round(first.left - ((at - first.at) * perMinute) / 60_000));
}
