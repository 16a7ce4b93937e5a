/** Whose figures a page shows, and when it last read them. */
import type { QueryCache } from "@tanstack/react-query";
import { BATCH_FIGURES, type FiguresService } from "../api/freshness";

const PAGES: readonly (readonly [RegExp, readonly FiguresService[]])[] = [
  [/^\/(batches.*|payments.*)?$/, BATCH_FIGURES],
  [/^\/(ledger|reconciliation)/, ["ledger"]],
  [/^\/operations/, ["ingest", "dispatcher", "ledger", "reports"]],
];
const NONE: readonly FiguresService[] = [];
/** What the frame of every page reads; these are no figures of the page. */
const FRAME = /^\/api\/v1\/(freshness|me|session|sign-in|ops\/(kill-switch|duplicates))/;

/** The services whose figures are on a page; none where it shows nothing but what people entered. */
export function servicesOn(path: string): readonly FiguresService[] {
  return PAGES.find(([pattern]) => pattern.test(path))?.[1] ?? NONE;
}

/**
 * When the oldest answer on the page was read, in milliseconds since 1970; null if there is none.
 * Answers that are computed from others are left out: they are read again when those change.
 */
export function oldestRead(cache: Pick<QueryCache, "findAll">): number | null {
  const moments = cache
    .findAll({ type: "active", predicate: ({ state }) => state.data !== undefined })
    .filter(({ queryKey: [method, path] }) => method === "get" && !FRAME.test(String(path)))
    .map(({ state }) => state.dataUpdatedAt);
  return moments.length === 0 ? null : Math.min(...moments);
}
