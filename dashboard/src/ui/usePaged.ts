import { pageOf, pagesOf } from "../api/paging";
import { useAddress } from "./address";

/** Props of a Pager over a list that counts from the front. */
export function usePaged(
  total: number,
  shown: number,
  next: string | null | undefined,
  size: number,
) {
  const [search, change] = useAddress();
  const page = pageOf(search.page);
  const go = (to: number) => () => change({ page: to <= 1 ? "" : String(to) });
  return {
    page,
    size,
    total,
    shown,
    toFirst: go(1),
    toPrevious: page > 1 ? go(page - 1) : undefined,
    toNext: next ? go(page + 1) : undefined,
    toLast: go(pagesOf(total, size)),
  };
}
