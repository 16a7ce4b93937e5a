/** Whether the figures of a batch add up, computed from its whole cents. */
import type { Batch } from "../api/client";
import { PAYMENT_STATUSES, ROW_STATUSES } from "../api/statuses";
import { sumCents } from "../ui/money";

export type Sum = {
  name: "file" | "outcomes" | "sources" | "branches" | "payments";
  /** Payments are counted by the payment and not by the row, so their sum has no rows. */
  rows: number | null;
  cents: number;
};
export type SumCheck = { agree: boolean; sums: Sum[] };

type BatchFigures = Pick<
  Batch,
  "rows" | "amount_cents" | "sources" | "branches" | "payments" | "payment_amount_cents"
>;
type Counted = { rows: number; amount_cents: number };

/**
 * Compare the sums of a batch.
 *
 * The file, the outcomes of its rows, its source accounts and its branches must add up to the same
 * rows and cents. Where there are payments, their statuses must add up to the payments' own total,
 * and to no more than could be approved.
 */
export function checkSums(batch: BatchFigures): SumCheck {
  const file: Sum = { name: "file", rows: batch.rows.total, cents: batch.amount_cents.total };
  const parts = [
    sumOf(
      "outcomes",
      ROW_STATUSES.map((status) => ({
        rows: batch.rows[status],
        amount_cents: batch.amount_cents[status],
      })),
    ),
    sumOf("sources", batch.sources),
    sumOf("branches", batch.branches),
  ];
  const partsAgree = parts.every((sum) => sum.rows === file.rows && sum.cents === file.cents);
  if (batch.payments.total === 0) return { agree: partsAgree, sums: [file, ...parts] };
  const payments = paymentSum(batch);
  return {
    agree: partsAgree && paymentsAgree(batch, payments.cents),
    sums: [file, ...parts, payments],
  };
}

function sumOf(name: Sum["name"], parts: readonly Counted[]): Sum {
  return {
    name,
    rows: total(parts.map((part) => part.rows)),
    cents: sumCents(parts.map((part) => part.amount_cents)),
  };
}

function paymentSum({ payment_amount_cents }: BatchFigures): Sum {
  const cents = sumCents(PAYMENT_STATUSES.map((status) => payment_amount_cents[status]));
  return { name: "payments", rows: null, cents };
}

function paymentsAgree(batch: BatchFigures, cents: number): boolean {
  const count = total(PAYMENT_STATUSES.map((status) => batch.payments[status]));
  // An approver may include excluded rows, so these could be approved too.
  const most = batch.amount_cents.payable + batch.amount_cents.excluded;
  return (
    count === batch.payments.total && cents === batch.payment_amount_cents.total && cents <= most
  );
}

function total(numbers: number[]): number {
  return numbers.reduce((sum, n) => sum + n, 0);
}
