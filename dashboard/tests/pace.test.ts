import { expect, test } from "vitest";
import { idealLeft, paceOf, secondsFor } from "../src/batch/eta";
import { withPoint } from "../src/batch/useLive";

test("a pace needs ten seconds of looking, and is counted over the last minute", () => {
  expect(
    paceOf(
      [
        { at: 0, left: 100 },
        { at: 5_000, left: 90 },
      ],
      5_000,
    ),
  ).toBeNull();
  expect(
    paceOf(
      [
        { at: 0, left: 100 },
        { at: 30_000, left: 70 },
      ],
      30_000,
    ),
  ).toBe(60);
  expect(
    paceOf(
      [
        { at: 0, left: 1_000 },
        { at: 60_000, left: 100 },
        { at: 90_000, left: 70 },
      ],
      100_000,
    ),
  ).toBe(60);
});

test("what does not move has no end that could be told", () => {
  expect(secondsFor(10, 0)).toBeNull();
  expect(secondsFor(10, null)).toBeNull();
  expect(secondsFor(0, null)).toBe(0);
  expect(secondsFor(120, 60)).toBe(120);
});

test("the limiter's line falls by its rate and not below nothing", () => {
  expect(idealLeft({ at: 0, left: 100 }, 60, 30_000)).toBe(70);
  expect(idealLeft({ at: 0, left: 100 }, 60, 600_000)).toBe(0);
});

test("the curve keeps its ends when it is thinned", () => {
  const many = Array.from({ length: 600 }, (_, n) => ({ at: n * 1_000, left: 600 - n }));
  const thinned = withPoint(many, { at: 600_000, left: 0 });
  expect(thinned).toHaveLength(301);
  expect([thinned[0], thinned.at(-1)]).toEqual([
    { at: 0, left: 600 },
    { at: 600_000, left: 0 },
  ]);
});
