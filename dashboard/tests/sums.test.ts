import { expect, test } from "vitest";
import { checkSums } from "../src/batch/sums";

type Figures = Parameters<typeof checkSums>[0];
const NONE = {
  total: 0,
  unprocessed: 0,
  sending: 0,
  pending: 0,
  completed: 0,
  failed: 0,
  in_doubt: 0,
  held: 0,
  cancelled: 0,
  reversed: 0,
};
const source = { payor_name: "", aba_routing: "", account_last4: "" };

function figures(change: Partial<Figures> = {}): Figures {
  return {
    rows: { total: 3, payable: 2, unpayable: 1, refused: 0, excluded: 0 },
    amount_cents: { total: 600, payable: 300, unpayable: 300, refused: 0, excluded: 0 },
    sources: [
      { ...source, source_account_id: "a", rows: 1, amount_cents: 100 },
      { ...source, source_account_id: "b", rows: 2, amount_cents: 500 },
    ],
    branches: [{ branch_id: "x", rows: 3, amount_cents: 600 }],
    payments: NONE,
    payment_amount_cents: NONE,
    ...change,
  };
}

test("sums agree when outcomes, sources and branches add up to the file", () => {
  expect(checkSums(figures()).agree).toBe(true);
});

test("sums differ by one cent in a branch, one row in a source, a forgotten outcome", () => {
  expect(
    checkSums(figures({ branches: [{ branch_id: "x", rows: 3, amount_cents: 599 }] })).agree,
  ).toBe(false);
  expect(
    checkSums(
      figures({ sources: [{ ...source, source_account_id: "a", rows: 2, amount_cents: 600 }] }),
    ).agree,
  ).toBe(false);
  expect(
    checkSums(figures({ rows: { total: 3, payable: 2, unpayable: 0, refused: 0, excluded: 0 } }))
      .agree,
  ).toBe(false);
});

test("payments add up to their own total, and to no more than may be paid", () => {
  const paid = { ...NONE, total: 2, completed: 2 };
  expect(
    checkSums(
      figures({ payments: paid, payment_amount_cents: { ...NONE, total: 300, completed: 300 } }),
    ).agree,
  ).toBe(true);
  expect(
    checkSums(
      figures({ payments: paid, payment_amount_cents: { ...NONE, total: 300, completed: 299 } }),
    ).agree,
  ).toBe(false);
  expect(
    checkSums(
      figures({
        payments: { ...paid, completed: 1 },
        payment_amount_cents: { ...NONE, total: 300, completed: 300 },
      }),
    ).agree,
  ).toBe(false);
  expect(
    checkSums(
      figures({ payments: paid, payment_amount_cents: { ...NONE, total: 301, completed: 301 } }),
    ).agree,
  ).toBe(false);
});
