import { expect, test } from "vitest";
import { leftAtLimit, secondsToSend, sendRate } from "../src/batch/tabs/live/sendRate";
import { addPoint } from "../src/batch/tabs/live/useLiveBatch";

test("a send rate needs ten seconds of observation, and is measured over the last minute", () => {
  expect(
    sendRate(
      [
        { at: 0, left: 100 },
        { at: 5_000, left: 90 },
      ],
      5_000,
    ),
  ).toBeNull();
  expect(
    sendRate(
      [
        { at: 0, left: 100 },
        { at: 30_000, left: 70 },
      ],
      30_000,
    ),
  ).toBe(60);
  expect(
    sendRate(
      [
        { at: 0, left: 1_000 },
        { at: 60_000, left: 100 },
        { at: 90_000, left: 70 },
      ],
      100_000,
    ),
  ).toBe(60);
});

test("a queue that does not move has no end", () => {
  expect(secondsToSend(10, 0)).toBeNull();
  expect(secondsToSend(10, null)).toBeNull();
  expect(secondsToSend(0, null)).toBe(0);
  expect(secondsToSend(120, 60)).toBe(120);
});

test("the limiter's line falls by its rate and not below nothing", () => {
  expect(leftAtLimit({ at: 0, left: 100 }, 60, 30_000)).toBe(70);
  expect(leftAtLimit({ at: 0, left: 100 }, 60, 600_000)).toBe(0);
});

test("the curve keeps its ends when it is thinned", () => {
  const many = Array.from({ length: 600 }, (_, n) => ({ at: n * 1_000, left: 600 - n }));
  const thinned = addPoint(many, { at: 600_000, left: 0 });
  expect(thinned).toHaveLength(301);
  expect([thinned[0], thinned.at(-1)]).toEqual([
    { at: 0, left: 600 },
    { at: 600_000, left: 0 },
  ]);
});
