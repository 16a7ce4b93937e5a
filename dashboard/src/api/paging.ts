/** Cursors of the lists that count from the front (rows, issues, ledger): the position, in base64. So any page has an address. */
export const PAGE_SIZE = 100;

/** The cursor of a page, counted from 1; none for the first. */
export function cursorOf(page: number, size: number = PAGE_SIZE): string | undefined {
  return page <= 1 ? undefined : btoa(String((page - 1) * size));
}

/** How many pages a list has; an empty list has one. */
export function pagesOf(total: number, size: number = PAGE_SIZE): number {
  return Math.max(1, Math.ceil(total / size));
}

/** The page number in an address; whatever is no number from 1 on is the first. */
export function pageOf(text: string | undefined): number {
  const page = /^[1-9]\d{0,6}$/.test(text ?? "") ? Number(text) : 1;
  return page;
}
