/** Money is whole cents. It is formatted from its digits and never divided, so no cent is lost. */

/**
 * Whole cents as a decimal: 107988 becomes "1079.88". For `Intl` and for comparisons.
 *
 * Throws a RangeError for anything but a whole number.
 */
export function centsToDecimal(cents: number | bigint): string {
  if (typeof cents === "number" && !Number.isSafeInteger(cents))
    throw new RangeError(`${cents} is no whole number of cents`);
  const digits = (cents < 0 ? -BigInt(cents) : BigInt(cents)).toString().padStart(3, "0");
  return `${cents < 0 ? "-" : ""}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

const formats = new Map<string, Intl.NumberFormat>();

/** "$1,079.88". A negative amount has a real minus sign. */
export function formatMoney(cents: number | bigint, locale: string): string {
  let format = formats.get(locale);
  if (!format) {
    format = new Intl.NumberFormat(locale, { style: "currency", currency: "USD" });
    formats.set(locale, format);
  }
  return format.format(centsToDecimal(cents) as `${number}`).replace("-", "−");
}

/** The sum of whole cents. Throws a RangeError if an amount or the sum is not exact. */
export function sumCents(amounts: Iterable<number>): number {
  let sum = 0;
  for (const cents of amounts) {
    sum += cents;
    if (!Number.isSafeInteger(cents) || !Number.isSafeInteger(sum))
      throw new RangeError("a sum of cents is not exact");
  }
  return sum;
}

/**
 * Whole cents of an amount as people type it: "1,079.88", "$1079.9" or "1079". Null for anything
 * else; it is read from its digits, so no cent is lost.
 */
export function readCents(text: string): number | null {
  const found = /^\$?(\d{1,3}(?:,\d{3})+|\d{1,11})(?:\.(\d{1,2}))?$/.exec(text.trim());
  if (!found) return null;
  const [, whole = "", part = ""] = found;
  const cents = Number(whole.replaceAll(",", "") + part.padEnd(2, "0"));
  return Number.isSafeInteger(cents) ? cents : null;
}
