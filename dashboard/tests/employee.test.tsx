import { render, screen, waitFor, within } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
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
  parts: [
    { outcome: "paid", amount_cents: 100_00, whys: [], more: 0 },
    {
      outcome: "unpaid",
      amount_cents: 50_00,
      whys: [
        {
          code: "payment",
          status: "failed",
          filename: "",
          reason_code: "invalid_destination",
          reason: "The account is closed.",
        },
        {
          code: "batch_ended",
          status: "discarded",
          filename: "may.xml",
          reason_code: "",
          reason: "wrong month",
        },
      ],
      more: 2,
    },
  ],
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
  parts: [],
};

async function rowsOf(...periods: EmployeePeriod[]): Promise<HTMLElement[]> {
  await allMessages;
  render(
    <Language>
      <PeriodTable periods={periods} />
    </Language>,
  );
  return screen.getAllByRole("row").slice(1);
}

afterEach(() => window.localStorage.clear());

test("each period has its dates, its outcome, its money and why not all is paid", async () => {
  const [paid, missing] = await rowsOf(PAID, MISSING);
  if (!paid || !missing) throw new Error("a row is missing");
  for (const shown of ["May 4, 2026", "May 17, 2026", "Partly paid"])
    expect(within(paid).getByText(shown)).toBeVisible();
  expect(paid).toHaveTextContent(
    "Paid, $100.00. Not paid, $50.00: the payment failed (The account is closed); " +
      "the batch may.xml was discarded (wrong month) and 2 more.",
  );
  expect(within(missing).getByText("Not in a roster")).toBeVisible();
  expect(missing).toHaveTextContent("Not paid: not in any roster of this period.");
});

test("in Spanish the same, with the provider's reason by its code", async () => {
  window.localStorage.setItem("paydown.locale", "es-US");
  const [paid, missing] = await rowsOf(PAID, MISSING);
  await waitFor(() => expect(missing).toHaveTextContent("No pagado: no está en ninguna nómina"));
  expect(paid).toHaveTextContent(
    "Pagado, $100.00. No pagado, $50.00: el pago falló (El proveedor no puede pagar a este " +
      "préstamo); el lote may.xml se descartó (wrong month) y 2 más.",
  );
});

test("a reason that is not known here is shown as the API says it", async () => {
  const why = { status: "", filename: "", reason_code: "", reason: "" };
  const newer = { ...why, code: "something_new" } as unknown as { code: "row" } & typeof why;
  const [period] = await rowsOf({
    ...PAID,
    parts: [{ outcome: "unpaid", amount_cents: 50_00, whys: [newer], more: 0 }],
  });
  expect(period).toHaveTextContent(PAID.sentence);
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
