/** All state of a list is in the address: these are the words it may hold. */
export const KEYS = [
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
] as const;
export type Search = Partial<Record<(typeof KEYS)[number], string>>;
const LONGEST = 1_000;

/** What an address says, without what no page knows, empty or overlong words. */
export function plain(search: Record<string, unknown>): Search {
  const found: Search = {};
  for (const key of KEYS) {
    const value = search[key];
    if (typeof value === "string" && value !== "" && value.length <= LONGEST) found[key] = value;
  }
  return found;
}

/** The address after a change; a change of filter or order begins at the first page again. */
export function changed(before: Search, change: Search): Search {
  const moves = "page" in change || "cursor" in change;
  const { page: _page, cursor: _cursor, ...kept } = before;
  return plain({ ...(moves ? before : kept), ...change });
}
