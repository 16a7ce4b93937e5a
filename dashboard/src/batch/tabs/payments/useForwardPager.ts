import { useAddress } from "../../../ui/address";
import type { PagerProps } from "../../../ui/Pager";
import { pageNumber } from "../../../ui/paging";

type Page = { items: readonly unknown[]; total: number; next: string | null };

/** For each page's cursor that was reached here: the cursor of the page before it. */
const previousCursors = new Map<string, string>();

/**
 * Props of a `Pager` for a list that can only be read forward: each page gives the cursor of the
 * next one. There is no way back from a page that was opened by its address, except to the first.
 */
export function useForwardPager(list: Page | undefined, size: number): PagerProps {
  const [{ cursor, page: pageInAddress }, change] = useAddress();
  const page = cursor ? pageNumber(pageInAddress) : 1;
  const next = list?.next;
  const previous = cursor === undefined ? undefined : previousCursors.get(cursor);
  const toPrevious = () => change({ cursor: previous, page: page > 2 ? String(page - 1) : "" });
  const toNext = () => {
    if (!next) return;
    previousCursors.set(next, cursor ?? "");
    change({ cursor: next, page: String(page + 1) });
  };
  return {
    page,
    size,
    total: list?.total ?? 0,
    shown: list?.items.length ?? 0,
    toFirst: () => change({ cursor: "", page: "" }),
    toPrevious: previous === undefined ? undefined : toPrevious,
    toNext: next ? toNext : undefined,
  };
}
