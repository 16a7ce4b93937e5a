import { expect, test } from "vitest";
import type { Batch, PaymentDetails } from "../src/api/client";
import { mayAskAgain } from "../src/batch/RefusedByProvider";
import { mayBeUnbound } from "../src/payments/HeldPaymentDecision";

function batch(status: Batch["status"], more: Partial<Batch> = {}): Batch {
  return {
    status,
    rows: { unpayable: 0 },
    stopped_sources: [],
    refused_by_provider: { rows: 0, under_way: 0 },
    ...more,
  } as unknown as Batch;
}

test("people can ask again while something may be refused, and only then", () => {
  const refused = { refused_by_provider: { rows: 2, under_way: 0 } };
  const stopped = { stopped_sources: [{ source_account_id: "s", reason_code: "c", reason: "r" }] };
  expect(mayAskAgain(batch("ready"))).toBe(false);
  expect(mayAskAgain(batch("ready", refused))).toBe(true);
  expect(mayAskAgain(batch("ready", { rows: { unpayable: 1 } as Batch["rows"] }))).toBe(false);
  expect(mayAskAgain(batch("paying", stopped))).toBe(true);
  expect(mayAskAgain(batch("paying"))).toBe(false);
  expect(mayAskAgain(batch("completed", refused))).toBe(false);
});

function payment(status: string, timeline: object[]): PaymentDetails {
  const line = { at: "", kind: "status", title: "", detail: "", evidence: "" };
  return {
    status,
    timeline: timeline.map((one) => ({ ...line, ...one })),
  } as unknown as PaymentDetails;
}

test("a link is taken back that people made, or that the provider does not know", () => {
  const byPeople = [{ evidence: "person: bind/7f3e" }];
  expect(mayBeUnbound(payment("pending", byPeople))).toBe(true);
  expect(mayBeUnbound(payment("pending", [{ kind: "flag", title: "not_at_provider" }]))).toBe(true);
  expect(mayBeUnbound(payment("completed", byPeople))).toBe(false);
  expect(mayBeUnbound(payment("pending", [{ evidence: "response: req_1" }]))).toBe(false);
});
