import { expect, test } from "vitest";
import type { BatchStatus } from "../src/api/client";
import {
  PAYMENT_STATUSES,
  type PaymentStatus,
  ROW_STATUSES,
  type RowStatus,
} from "../src/api/statuses";
import { BATCH_LOOKS, PAYMENT_LOOKS, ROW_LOOKS, type StatusLook } from "../src/ui/statusLooks";

type Looks<Status extends string> = Readonly<Record<Status, StatusLook>>;

// `ui` does not import the API's types, so they are compared here: if a status of the API has no
// look, these three lines do not compile.
const batchLooks: Looks<BatchStatus> = BATCH_LOOKS;
const rowLooks: Looks<RowStatus> = ROW_LOOKS;
const paymentLooks: Looks<PaymentStatus> = PAYMENT_LOOKS;

test("the lists of statuses are complete, and every status has a look", () => {
  expect(Object.keys(rowLooks).toSorted()).toEqual([...ROW_STATUSES].toSorted());
  expect(Object.keys(paymentLooks).toSorted()).toEqual([...PAYMENT_STATUSES].toSorted());
  expect(batchLooks.ready.icon).toBe("hand");
});
