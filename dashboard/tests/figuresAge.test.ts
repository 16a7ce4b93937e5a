import { expect, test } from "vitest";
import { ageSeconds, isOld } from "../src/batch/FiguresAge";
import { batchWith } from "./fakeBatch";

const NOW = Date.parse("2026-11-20T10:00:00Z");

test("the age of figures is in whole seconds, and a clock that is behind counts as new", () => {
  expect(ageSeconds("2026-11-20T09:58:29.500Z", NOW)).toBe(90);
  expect(ageSeconds("2026-11-20T10:00:09Z", NOW)).toBe(0);
  expect(ageSeconds(null, NOW)).toBeNull();
});

test("figures of a batch that is being sent are old after three minutes without a change", () => {
  const paying = batchWith("paying", { unprocessed: 3 });
  expect([isOld(paying, 180), isOld(paying, 181), isOld(paying, null)]).toEqual([
    false,
    true,
    true,
  ]);
});

test("nothing has to change while a batch waits for the provider, is paused or has ended", () => {
  expect(isOld(batchWith("paying", { pending: 3 }), 86_400)).toBe(false);
  expect(isOld(batchWith("paused", { unprocessed: 3 }), 86_400)).toBe(false);
  expect(isOld(batchWith("completed", { completed: 3 }), 86_400)).toBe(false);
});
