import { cursorOfPage, PAGE_SIZE } from "../../../api/paging";
import { pageNumber } from "../../../ui/paging";
import type { Search } from "../../../ui/search";

/**
 * The API request for the rows that an address shows. The tab and its route use the same, so that
 * what the route fetches while the tab is still loading is what the tab then shows.
 */
export function rowsRequest(batchId: string, search: Search) {
  const { q, status, sort, source, branch, institution, reason_code } = search;
  const cursor = cursorOfPage(pageNumber(search.page));
  return {
    params: {
      path: { batch_id: batchId },
      query: {
        limit: PAGE_SIZE,
        cursor,
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
