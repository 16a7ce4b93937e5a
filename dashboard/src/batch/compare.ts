/** What of a batch changed since it was looked at; shown when an approval is refused because of it. */
import type { Batch } from "../api/client";

export type Change = {
  what:
    | "payable_rows"
    | "payable_cents"
    | "out_rows"
    | "out_cents"
    | "warnings"
    | "corrections"
    | "digest";
  before: number | string;
  after: number | string;
};

export function difference(before: Batch, after: Batch): Change[] {
  const pairs: Change[] = [
    { what: "payable_rows", before: before.rows.payable, after: after.rows.payable },
    {
      what: "payable_cents",
      before: before.amount_cents.payable,
      after: after.amount_cents.payable,
    },
    {
      what: "out_rows",
      before: before.rows.total - before.rows.payable,
      after: after.rows.total - after.rows.payable,
    },
    {
      what: "out_cents",
      before: before.amount_cents.total - before.amount_cents.payable,
      after: after.amount_cents.total - after.amount_cents.payable,
    },
    {
      what: "warnings",
      before: before.to_acknowledge.join(", "),
      after: after.to_acknowledge.join(", "),
    },
    { what: "corrections", before: before.corrections.length, after: after.corrections.length },
    { what: "digest", before: before.digest ?? "", after: after.digest ?? "" },
  ];
  return pairs.filter((pair) => pair.before !== pair.after);
}
