import { expect, test } from "vitest";
import type { Batch } from "../src/api/client";
import { percentChange, unusualFirst, warningOf } from "../src/batch/tabs/approval/unusualChanges";

const issue = (message: string, count: number) => ({
  code: "W_OVERLAP",
  outcome: "warning" as const,
  count,
  message,
});

test("unusual changes come before routine warnings, in a fixed order", () => {
  expect(unusualFirst(["W_LOAN_CARD", "W_TOTAL_MOVED", "W_ZIP_STATE", "W_AMOUNT_JUMP"])).toEqual([
    "W_AMOUNT_JUMP",
    "W_TOTAL_MOVED",
    "W_LOAN_CARD",
    "W_ZIP_STATE",
  ]);
});

test("every sentence of a code is shown, with all its places", () => {
  const issues = [issue("a", 1), { ...issue("b", 9), code: "W_OTHER" }, issue("c", 2)];
  expect(warningOf({ issues } as Batch, "W_OVERLAP")).toEqual({ messages: ["a", "c"], count: 3 });
});

test("a change is given in whole per cent, and from nothing there is none", () => {
  expect([percentChange(600, 1_000), percentChange(3, 2), percentChange(0, 5)]).toEqual([
    67,
    -33,
    null,
  ]);
});
