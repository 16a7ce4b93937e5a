/** When everything will have been sent: by the provider's limit alone, and by the pace that was really seen. */
import type { Point } from "./useLive";

const SEEN_LEAST_MS = 10_000;
const WINDOW_MS = 60_000;

/** Payments a minute that left the queue, from the points of the last minute; null while too little was seen to say. */
export function paceOf(points: readonly Point[], now: number): number | null {
  const recent = points.filter((point) => now - point.at <= WINDOW_MS);
  const [first] = recent;
  const last = recent.at(-1);
  if (!first || !last || last.at - first.at < SEEN_LEAST_MS) return null;
  return ((first.left - last.left) * 60_000) / (last.at - first.at);
}

/** Seconds for what is left at a pace; null when it does not move. */
export function secondsFor(left: number, perMin: number | null): number | null {
  if (left === 0) return 0;
  return perMin === null || perMin <= 0 ? null : (left * 60) / perMin;
}

/** How many would be left at a moment if the limiter were used fully from the first point on. */
export function idealLeft(first: Point, perMin: number, at: number): number {
  return Math.max(0, Math.round(first.left - ((at - first.at) * perMin) / 60_000));
}
