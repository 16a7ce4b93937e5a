/** What changed in a batch since the approver began to look at it. */
import type { Batch } from "../../../api/client";

export type Difference = {
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

/** The figures of an approval that differ; none if the approver may go on. */
export function batchDifferences(before: Batch, after: Batch): Difference[] {
  const figuresBefore = figuresOf(before);
  const figuresAfter = figuresOf(after);
  return (Object.keys(figuresBefore) as Difference["what"][])
    .map((what) => ({ what, before: figuresBefore[what], after: figuresAfter[what] }))
    .filter((pair) => pair.before !== pair.after);
}

function figuresOf(batch: Batch): Record<Difference["what"], number | string> {
  const { rows, amount_cents: cents } = batch;
  return {
    payable_rows: rows.payable,
    payable_cents: cents.payable,
    out_rows: rows.total - rows.payable,
    out_cents: cents.total - cents.payable,
    warnings: batch.to_acknowledge.join(", "),
    corrections: batch.corrections.length,
    digest: batch.digest ?? "",
  };
}
