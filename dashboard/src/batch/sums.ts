/** Whether a batch's figures come to the same: shown as one line, green or red, computed from the integers themselves. */
import type { Batch } from "../api/client";
import { sumCents } from "../ui/money";

export type Sum = {
  name: "file" | "outcomes" | "sources" | "branches" | "payments";
  rows: number | null;
  cents: number;
};
export type Agreement = { agree: boolean; sums: Sum[] };

type Figures = Pick<
  Batch,
  "rows" | "amount_cents" | "sources" | "branches" | "payments" | "payment_amount_cents"
>;
const OUTCOMES = ["payable", "unpayable", "refused", "excluded"] as const;
const STATES = [
  "unprocessed",
  "sending",
  "pending",
  "completed",
  "failed",
  "in_doubt",
  "held",
  "cancelled",
  "reversed",
] as const;

/** File = outcomes = sources = branches in rows and cents; and where there are payments, their states = their total, in number and cents. */
export function agreement(batch: Figures): Agreement {
  const sums: Sum[] = [
    { name: "file", rows: batch.rows.total, cents: batch.amount_cents.total },
    {
      name: "outcomes",
      rows: total(OUTCOMES.map((o) => batch.rows[o])),
      cents: sumCents(OUTCOMES.map((o) => batch.amount_cents[o])),
    },
    {
      name: "sources",
      rows: total(batch.sources.map((s) => s.rows)),
      cents: sumCents(batch.sources.map((s) => s.amount_cents)),
    },
    {
      name: "branches",
      rows: total(batch.branches.map((b) => b.rows)),
      cents: sumCents(batch.branches.map((b) => b.amount_cents)),
    },
  ];
  const [file] = sums;
  let agree = sums.every((sum) => sum.rows === file?.rows && sum.cents === file?.cents);
  if (batch.payments.total > 0) {
    const cents = sumCents(STATES.map((s) => batch.payment_amount_cents[s]));
    sums.push({ name: "payments", rows: null, cents });
    agree &&=
      total(STATES.map((s) => batch.payments[s])) === batch.payments.total &&
      cents === batch.payment_amount_cents.total;
    agree &&= cents <= batch.amount_cents.payable + batch.amount_cents.excluded; // excluded rows come back by an approver's act only
  }
  return { agree, sums };
}

function total(numbers: number[]): number {
  return numbers.reduce((sum, n) => sum + n, 0);
}
