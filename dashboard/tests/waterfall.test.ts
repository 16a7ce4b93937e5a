import { expect, test } from "vitest";
import { waterfallBars } from "../src/batch/waterfallBars";

const bars = (...values: number[]) =>
  waterfallBars(values.map((value, n) => ({ kind: String(n), value })));

test("each step floats from the sum before it to the sum after it", () => {
  expect(bars(100, 50, -30, 120)).toEqual([
    { kind: "0", foot: 0, whole: 100, added: 0, taken: 0 },
    { kind: "1", foot: 100, whole: 0, added: 50, taken: 0 },
    { kind: "2", foot: 120, whole: 0, added: 0, taken: 30 },
    { kind: "3", foot: 0, whole: 120, added: 0, taken: 0 },
  ]);
});

test("a step that changes nothing has no bar", () => {
  expect(bars(7, 0, 7)[1]).toEqual({ kind: "1", foot: 7, whole: 0, added: 0, taken: 0 });
});

test("no bar is below zero, whatever is taken away", () => {
  const all = bars(100, -100, 40, 40).flatMap(({ foot, whole, added, taken }) => [
    foot,
    whole,
    added,
    taken,
  ]);
  expect(Math.min(...all)).toBe(0);
});
