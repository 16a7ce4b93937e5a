import { useAddress } from "./address";
import type { PagerProps } from "./Pager";
import { pageCount, pageNumber } from "./paging";

type Page = { items: readonly unknown[]; total: number; next: string | null };

/**
 * Props of a `Pager` for a list whose page number is in the address. `list` is what the API
 * answered.
 */
export function usePager(list: Page | undefined, size: number): PagerProps {
  const [search, change] = useAddress();
  const page = pageNumber(search.page);
  const total = list?.total ?? 0;
  const goTo = (to: number) => () => change({ page: to <= 1 ? "" : String(to) });
  return {
    page,
    size,
    total,
    shown: list?.items.length ?? 0,
    toFirst: goTo(1),
    toPrevious: page > 1 ? goTo(page - 1) : undefined,
    toNext: list?.next ? goTo(page + 1) : undefined,
    toLast: goTo(pageCount(total, size)),
  };
}
