import { cursorOf, pageOf } from "../api/paging";
import type { Search } from "../ui/search";

/** What is asked for the rows that an address shows: by the tab, and before it is loaded by its route, so the two go side by side. */
export function rowsAsked(batchId: string, search: Search) {
  const { q, status, sort, source, branch, institution, reason_code } = search;
  return {
    params: {
      path: { batch_id: batchId },
      query: {
        limit: 100,
        cursor: cursorOf(pageOf(search.page)),
        q,
        status,
        sort,
        source,
        branch,
        institution,
        reason_code,
      },
    },
  };
}
