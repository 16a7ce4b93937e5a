import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { fireEvent, render, screen, waitFor, within } from "@testing-library/react";
import type { ReactElement } from "react";
import { expect, test, vi } from "vitest";
import { api } from "../src/api/client";
import { SignedInContext, type SignedIn } from "../src/api/signedIn";
import MoneyNeeded from "../src/batch/tabs/overview/MoneyNeeded";
import { BankStatement } from "../src/finance/BankStatement";
import { lastDayOver } from "../src/finance/AccountingExports";
import { FinanceReports } from "../src/finance/FinanceReports";
import { firstDraft, isSavable } from "../src/finance/mappingDraft";
import { isComplete, reportOrder } from "../src/finance/reportOrder";
import { Language } from "../src/i18n/i18n";
import { readCents } from "../src/ui/money";

function show(page: ReactElement, roles: string[] = ["preparer"]) {
  const signedIn = { me: { id: "fina", name: "Fina", roles } } as unknown as SignedIn;
  return render(
    <QueryClientProvider client={new QueryClient()}>
      <SignedInContext value={signedIn}>
        <Language>{page}</Language>
      </SignedInContext>
    </QueryClientProvider>,
  );
}

/** What the API answers to a GET. */
const willAnswer = (data: unknown) =>
  vi.spyOn(api, "GET").mockResolvedValue({ data, response: new Response() } as never);

const REPORT = {
  report_id: "0d1f5a52-6f0e-4c0c-9a55-2f6c5d7b1e90",
  made_by: "Fina",
  made_at: "2026-11-28T10:00:00.000Z",
  as_of: "",
  question: { by: ["source", "month"] },
  batches: [{ batch_id: "b1", period: "2026-11-16" }],
  all_final: false,
  rows: 12,
  paid_amount: "62.01",
};

test("the first file offered is the workbook, and a report that is not final says so", async () => {
  willAnswer({ items: [REPORT], next: null, total: 1 });
  show(<FinanceReports />);
  const buttons = await screen.findAllByRole("button", { name: /^Download/ });
  expect(buttons.map((button) => button.textContent)).toEqual([
    "XLSX",
    "PDF",
    "CSV (Excel)",
    "CSV",
  ]);
  expect(screen.getByText(/Not every batch has ended/)).toBeVisible();
  expect(screen.getByRole("table")).toHaveTextContent(/Source account, Month of the pay period/);
});

test("the list of a year shows its sum as approved or paid, never as paid", async () => {
  const question = { by: ["person"], from_day: "2026-01-01" };
  // as reports made them at first, which are kept
  const old = { amount: "525.00", paid_amount: "999.00", as_of: "2026-11-28T10:00:00.000Z" };
  willAnswer({ items: [{ ...REPORT, ...old, kind: "yearly", question }], next: null, total: 1 });
  show(<FinanceReports />);
  const table = await screen.findByRole("table");
  expect(table).toHaveTextContent(/525\.00\s*Approved or paid/);
  expect(table).not.toHaveTextContent("999.00");
  expect(table).not.toHaveTextContent(/as of/i);
});

test("a report is asked for with the days and columns that were chosen", async () => {
  willAnswer({ items: [], next: null, total: 0 });
  const post = vi.spyOn(api, "POST").mockResolvedValue({ data: {}, response: new Response() });
  show(<FinanceReports />);
  fireEvent.change(await screen.findByLabelText("Pay periods that begin on or after"), {
    target: { value: "2026-10-01" },
  });
  fireEvent.click(screen.getByLabelText("Branch"));
  fireEvent.click(screen.getByLabelText("Source account"));
  fireEvent.click(screen.getByRole("button", { name: "Make the report" }));
  await waitFor(() =>
    expect(post).toHaveBeenCalledWith("/api/v1/finance/reports", {
      body: { from_day: "2026-10-01", to_day: null, batch_ids: [], by: ["branch", "month"] },
    }),
  );
});

test("who may not make reports sees those that were made", async () => {
  willAnswer({ items: [REPORT], next: null, total: 1 });
  show(<FinanceReports />, ["operator"]);
  await screen.findAllByRole("button", { name: /^Download/ });
  expect(screen.queryByRole("button", { name: "Make the report" })).toBeNull();
});

test("an order has its columns in one order, and needs days in theirs", () => {
  const wanted = {
    fromDay: "",
    toDay: "",
    batches: " b2, b1\n",
    by: ["status", "source"],
  } as const;
  expect(reportOrder(wanted)).toEqual({
    from_day: null,
    to_day: null,
    batch_ids: ["b2", "b1"],
    by: ["source", "status"],
  });
  expect(isComplete(wanted)).toBe(true);
  expect(isComplete({ ...wanted, by: [] })).toBe(false);
  expect(isComplete({ ...wanted, fromDay: "2026-11-02", toDay: "2026-11-01" })).toBe(false);
});

const SOURCE = {
  source_account_id: "CORP-1",
  needed_cents: 5701,
  reserved_cents: 0,
  available_cents: 5700,
  left_cents: 0,
  after_cents: -1,
  is_short: true,
  as_of: "2026-11-28T10:00:00Z",
  said_by: "fina",
};
const UNKNOWN = {
  ...SOURCE,
  source_account_id: "CORP-2",
  available_cents: null,
  left_cents: null,
  after_cents: null,
  is_short: false,
  as_of: null,
  said_by: "",
};

test("an account without enough money is named in words, not by color alone", async () => {
  willAnswer({ is_short: true, sources: [SOURCE, UNKNOWN] });
  show(<MoneyNeeded batchId="b1" />);
  expect(await screen.findByText(/One source account does not have/)).toBeVisible();
  const short = screen.getByRole("row", { name: /CORP-1/ });
  expect(short).toHaveTextContent("−$0.01 too little");
  expect(short).toHaveTextContent("fina");
  const unknown = screen.getByRole("row", { name: /CORP-2/ });
  expect(within(unknown).getAllByText("not entered")).toHaveLength(2);
});

test("a balance is sent as whole cents", async () => {
  willAnswer({ is_short: false, sources: [UNKNOWN] });
  const post = vi.spyOn(api, "POST").mockResolvedValue({ data: {}, response: new Response() });
  show(<MoneyNeeded batchId="b1" />);
  const field = await screen.findByLabelText("The bank shows (USD)");
  const save = screen.getByRole("button", { name: "Save the balance" });
  fireEvent.change(field, { target: { value: "1.005" } });
  expect(save).toBeDisabled();
  fireEvent.change(field, { target: { value: "1,079.9" } });
  fireEvent.click(save);
  await waitFor(() =>
    expect(post).toHaveBeenCalledWith("/api/v1/finance/available", {
      body: { source_account_id: "CORP-2", available_cents: 107_990 },
    }),
  );
});

test("an amount is read from its digits, or not at all", () => {
  const read = ["0", "$1,079.88", "12.5", "9.38 ", "99999999999.99"].map(readCents);
  expect(read).toEqual([0, 107_988, 1250, 938, 9_999_999_999_999]);
  for (const text of ["", "1,07", "1.234", "-1", "1e3", "1.079,88"])
    expect(readCents(text)).toBeNull();
});

const lineOf = (account: string) => ({
  account,
  gl_account: "1010",
  gl_type: "Assets" as const,
  cost_centre: "",
});

test("a mapping begins with a line for each kind of account, and can be saved when it is whole", () => {
  const kept = [
    { account: "branch:*", gl_account: "6100", gl_type: "Expenses" as const, cost_centre: "" },
  ];
  const draft = firstDraft(kept);
  expect(draft.map((line) => line.account)).toEqual(["branch:*", "source:*", "outside:provider"]);
  expect(isSavable(draft, "first")).toBe(false);
  const whole = ["source:*", "branch:*", "outside:provider"].map(lineOf);
  expect(isSavable(whole, "first")).toBe(true);
  expect(isSavable(whole, " ")).toBe(false);
  expect(isSavable([...whole, ...kept], "first")).toBe(false);
  expect(isSavable([...whole, lineOf("branch:")], "first")).toBe(false);
});

test("the last day that can be exported is over in UTC", () => {
  expect(lastDayOver(new Date("2026-12-01T00:00:01Z"))).toBe("2026-11-30");
  expect(lastDayOver(new Date("2026-11-30T23:59:59Z"))).toBe("2026-11-29");
});

test("a statement's text is sent for the account, and lines of one side alone are listed", async () => {
  const sum = { count: 1, debit_cents: 400, credit_cents: 0 };
  const none = { count: 0, debit_cents: 0, credit_cents: 0 };
  const result = {
    statement: sum,
    matched: { ...none, by: {} },
    statement_alone: sum,
    ledger_alone: none,
    may_still_come: none,
    only_in_statement: [{ day: "2026-11-20", amount_cents: -400, text: "a fee" }],
    only_in_ledger: [],
  };
  const post = vi
    .spyOn(api, "POST")
    .mockResolvedValue({ data: result, response: new Response() } as never);
  show(<BankStatement />);
  fireEvent.change(screen.getByLabelText(/^Source account/), { target: { value: " CORP-1 " } });
  expect(screen.getByRole("button", { name: "Compare" })).toBeDisabled();
  const file = new File(["date,amount"], "november.csv", { type: "text/csv" });
  file.text = () => Promise.resolve("date,amount");
  fireEvent.change(screen.getByLabelText(/CAMT/), { target: { files: [file] } });
  fireEvent.click(screen.getByRole("button", { name: "Compare" }));
  expect(await screen.findByText(/on one side only/)).toBeVisible();
  expect(post).toHaveBeenCalledWith("/api/v1/finance/bank-statement", {
    body: { source_account_id: "CORP-1", text: "date,amount" },
  });
  expect(screen.getByRole("row", { name: /a fee/ })).toHaveTextContent("−$4.00");
});
