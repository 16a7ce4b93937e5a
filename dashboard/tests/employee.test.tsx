import { render, screen, within } from "@testing-library/react";
import { expect, test } from "vitest";
import type { EmployeePeriod } from "../src/api/client";
import { barParts, largestPeriod, PeriodTable } from "../src/employees/PeriodTable";
import { limitTone } from "../src/employees/YearFigures";
import { allMessages, Language } from "../src/i18n/i18n";

const PAID: EmployeePeriod = {
  first: "2026-05-04",
  last: "2026-05-17",
  outcome: "partly",
  paid_cents: 100_00,
  open_cents: 50_00,
  unpaid_cents: 50_00,
  sentence: "Paid, $100.00. Not paid, $50.00: the payment failed (closed).",
};
const MISSING: EmployeePeriod = {
  ...PAID,
  first: "2026-04-20",
  last: "2026-05-03",
  outcome: "not_listed",
  paid_cents: 0,
  open_cents: 0,
  unpaid_cents: 0,
  sentence: "Not paid: no roster of this period names this employee.",
};

test("each period has its dates, its outcome, its money and its sentence", async () => {
  await allMessages;
  render(
    <Language>
      <PeriodTable periods={[PAID, MISSING]} />
    </Language>,
  );
  const [, paid, missing] = screen.getAllByRole("row");
  if (!paid || !missing) throw new Error("a row is missing");
  for (const shown of ["May 4, 2026", "May 17, 2026", "Partly paid", "$100.00", PAID.sentence])
    expect(within(paid).getByText(shown)).toBeVisible();
  for (const shown of ["Not in a roster", MISSING.sentence])
    expect(within(missing).getByText(shown)).toBeVisible();
});

test("bars are shares of the largest period", () => {
  expect(largestPeriod([PAID, MISSING])).toBe(200_00);
  expect(barParts(PAID, 400_00).map(({ percent }) => percent)).toEqual([25, 13, 13]);
  expect(barParts({ ...PAID, open_cents: 0 }, 200_00).map(({ part }) => part)).toEqual([
    "paid",
    "unpaid",
  ]);
  expect(barParts(MISSING, largestPeriod([MISSING]))).toEqual([]);
});

test("the limit is passed by one cent, and near from nine tenths on", () => {
  const year = { year: 2026, limit_cents: 5_250_00, counted_percent: 0, paid_cents: 0 };
  expect(limitTone({ ...year, counted_cents: 5_250_01 })).toBe("error");
  expect(limitTone({ ...year, counted_cents: 5_250_00 })).toBe("warning");
  expect(limitTone({ ...year, counted_cents: 4_725_00 })).toBe("warning");
  expect(limitTone({ ...year, counted_cents: 4_724_99 })).toBe("neutral");
});
