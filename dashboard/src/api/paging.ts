/** Cursors of lists that are counted from the front (rows, issues, ledger …). */
export const PAGE_SIZE = 100;

/**
 * The cursor of a page: how many items come before it, in base64. So any page can be opened
 * directly, without reading those before it.
 *
 * Args: `page` counts from 1. The first page has no cursor.
 */
export function cursorOfPage(page: number, size: number = PAGE_SIZE): string | undefined {
  return page <= 1 ? undefined : btoa(String((page - 1) * size));
}
