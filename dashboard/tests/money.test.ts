import { expect, test } from "vitest";
import { centsToDecimal, formatMoney, sumCents } from "../src/ui/money";

test.each([
  [0, "0.00"],
  [5, "0.05"],
  [50, "0.50"],
  [938, "9.38"],
  [26_993_613, "269936.13"],
  [-1, "-0.01"],
  [-107_988, "-1079.88"],
])("%d cents are %s", (cents, text) => {
  expect(centsToDecimal(cents)).toBe(text);
});

test("money is written with its currency, grouped, and with a real minus sign", () => {
  expect(formatMoney(107_988, "en-US")).toBe("$1,079.88");
  expect(formatMoney(1_050, "en-US")).toBe("$10.50");
  expect(formatMoney(-107_988, "en-US")).toBe("−$1,079.88");
});

test("no cent is lost in an amount no float could hold", () => {
  expect(formatMoney(90_071_992_547_409_931n, "en-US")).toBe("$900,719,925,474,099.31");
});

test("half a cent is refused, and so is a sum that cannot be exact", () => {
  expect(() => centsToDecimal(0.5)).toThrow(RangeError);
  expect(() => sumCents([1, 0.1])).toThrow(RangeError);
  expect(() => sumCents([Number.MAX_SAFE_INTEGER, 1])).toThrow(RangeError);
  expect(sumCents([1, 2, -3])).toBe(0);
});
