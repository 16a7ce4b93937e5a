/** Page numbers in addresses. */

/** How many pages a list has; an empty list has one. */
export function pageCount(total: number, size: number): number {
  return Math.max(1, Math.ceil(total / size));
}

/** The page number in an address; anything that is no whole number from 1 on is page 1. */
export function pageNumber(text: string | undefined): number {
  return /^[1-9]\d{0,6}$/.test(text ?? "") ? Number(text) : 1;
}
