import { expect, test } from "vitest";
import type { Batch } from "../src/api/client";
import type { Person } from "../src/api/session";
import { nextStep } from "../src/batch/NextStep";

const me = (...roles: string[]) => ({ id: "paula", roles }) as unknown as Person;
const READY = {
  status: "ready",
  uploaded_by: "paula",
  rows: { payable: 0 },
  corrections_offered: [{}],
  approval_requests: [],
} as unknown as Batch;

test("corrections are the next step also while nothing is payable yet", () => {
  expect(nextStep(READY, me("preparer"))?.label).toBe("next.correct");
  expect(nextStep(READY, me("auditor"))).toBeNull();
});

test("without corrections a preparer asks, once something is payable", () => {
  const none = { ...READY, corrections_offered: [] };
  expect(nextStep(none, me("preparer"))).toBeNull();
  const payable = { ...none, rows: { ...READY.rows, payable: 1 } };
  expect(nextStep(payable, me("preparer"))?.label).toBe("next.ask");
});

test("while a request is open, nobody changes the batch", () => {
  const asked = { ...READY, approval_requests: [{ state: "open", asked_by: "paula" }] };
  expect(nextStep(asked as unknown as Batch, me("preparer"))).toBeNull();
});
