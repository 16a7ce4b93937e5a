import { expect, test } from "vitest";
import type { Payment, Row } from "../src/api/client";
import { reasonOf, shownRows } from "../src/batch/tabs/rows/rowColumns";
import { paymentIds } from "../src/batch/tabs/rows/useRowPayments";

const row = (fields: Partial<Row>) =>
  ({ status: "payable", reason: "", reason_field: "", payment_id: "p1", ...fields }) as Row;
const asSent = (text: string) => text;
const failed = {
  payment_id: "p1",
  status: "failed",
  reason: "The account is closed.",
  reason_code: "account.closed",
} as Payment;

test("a row whose payment failed shows that and why, not that it was payable", () => {
  const [shown] = shownRows([row({})], new Map([["p1", failed]]));
  expect(shown?.payment?.status).toBe("failed");
  expect(shown && reasonOf(shown, asSent)).toBe("The account is closed.");
});

test("a payment that was not approved has no page, so nothing links to it", () => {
  const rows = [row({}), row({ payment_id: "p2" }), row({ payment_id: null })];
  expect(paymentIds({ status: "ready" }, rows)).toEqual([]);
  expect(paymentIds({ status: "discarded" }, rows)).toEqual([]);
  expect(paymentIds({ status: "paying" }, rows)).toEqual(["p1", "p2"]);
  expect(shownRows(rows, new Map()).map((one) => one.payment_id)).toEqual([null, null, null]);
});

test("a refused row says which field and which value of the file are wrong", () => {
  const refused = row({
    status: "refused",
    payment_id: null,
    reason: "The amount is not written like $1,234.56.",
    reason_field: "Amount",
    reason_value: "$1,2.00",
  });
  expect(reasonOf(refused, asSent)).toBe(
    "Amount “$1,2.00”: The amount is not written like $1,234.56.",
  );
  expect(reasonOf(row({ reason: "no merchant" }), asSent)).toBe("no merchant");
});
