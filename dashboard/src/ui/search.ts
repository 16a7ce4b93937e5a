/**
 * The search part of an address. It holds all state of a list (filters, order, page), so every view
 * can be reloaded and sent to a colleague.
 */
export const SEARCH_KEYS = [
  "q",
  "status",
  "sort",
  "page",
  "cursor",
  "source",
  "branch",
  "institution",
  "reason_code",
  "kind",
  "batch_id",
  "payment_id",
  "code",
  "cause",
  "open", // the dialog to open after a new sign-in
] as const;
export type Search = Partial<Record<(typeof SEARCH_KEYS)[number], string>>;
const VALUE_MAX = 1_000; // characters

/** The known keys of an address; unknown keys, empty values and overlong values are dropped. */
export function readSearch(search: Record<string, unknown>): Search {
  const known: Search = {};
  for (const key of SEARCH_KEYS) {
    const value = search[key];
    if (typeof value === "string" && value !== "" && value.length <= VALUE_MAX) known[key] = value;
  }
  return known;
}

/** The search after a change. A change of filter or order goes back to the first page. */
export function changedSearch(before: Search, change: Search): Search {
  const changesPage = "page" in change || "cursor" in change;
  const { page: _page, cursor: _cursor, ...filters } = before;
  return readSearch({ ...(changesPage ? before : filters), ...change });
}
