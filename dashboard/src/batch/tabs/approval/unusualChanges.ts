/** Warnings about what is unusual in a roster compared with the one approved before it. */
import type { Batch, IssueCount } from "../../../api/client";

/** In the order in which they are shown: what may pay a wrong amount or a wrong person first. */
export const UNUSUAL_CODES = [
  "W_AMOUNT_JUMP",
  "W_MANY_NEW_PEOPLE",
  "W_SOURCE_NEW",
  "W_SOURCE_GREW",
  "W_TOTAL_MOVED",
  "W_MANY_GONE_PEOPLE",
  "W_BRANCH_GONE",
] as const;
const UNUSUAL: ReadonlySet<string> = new Set(UNUSUAL_CODES);

/** Whether a warning names something unusual, so that a routine tick is not enough. */
export function isUnusual(code: string): boolean {
  return UNUSUAL.has(code);
}

/** The codes to acknowledge, with the unusual ones first. */
export function unusualFirst(codes: readonly string[]): string[] {
  const found = UNUSUAL_CODES.filter((code) => codes.includes(code));
  return [...found, ...codes.filter((code) => !isUnusual(code))];
}

/** What a batch's checks say of one code: every sentence, and how many places there are. */
export function warningOf(
  batch: Pick<Batch, "issues">,
  code: string,
): { messages: string[]; count: number } {
  const found: IssueCount[] = batch.issues.filter((issue) => issue.code === code);
  return {
    messages: found.map((issue) => issue.message),
    count: found.reduce((sum, issue) => sum + issue.count, 0),
  };
}

/** A change in whole per cent, rounded to nearest; null where there was nothing before. */
export function percentChange(before: number, after: number): number | null {
  return before === 0 ? null : Math.round(((after - before) * 100) / before);
}
