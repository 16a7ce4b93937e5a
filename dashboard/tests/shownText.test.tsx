import { render } from "@testing-library/react";
import { beforeEach, expect, test } from "vitest";
import { allMessages, Language } from "../src/i18n/i18n";
import { HoldDays } from "../src/ui/HoldDays";
import { WithShortIds } from "../src/ui/WithShortIds";

const SET_AT = "2026-11-29T09:14:00Z";

beforeEach(async () => {
  await allMessages;
});

function textOf(element: React.ReactElement): string {
  return render(<Language>{element}</Language>).container.textContent ?? "";
}

const days = (first: string, last: string | null) =>
  textOf(<HoldDays first_day={first} last_day={last} set_at={SET_AT} />);

test("a hold says until when it lasts, and from when only if that is still to come", () => {
  expect(days("2025-11-28", null)).toBe("until it is lifted");
  expect(days("2025-11-28", "2026-12-31")).toBe("until Dec 31, 2026");
  expect(days("2027-01-04", null)).toBe("from Jan 4, 2027 until it is lifted");
});

test("ids inside a text are shortened, and its other words stay", () => {
  const id = "BRC-8be0aef3-a197-495f-93b4-4b39e06a1614";
  expect(textOf(<WithShortIds text={`${id}: 26 rows`} />)).toBe("BRC-8be0aef3: 26 rows");
  expect(textOf(<WithShortIds text="-77 % of 8be0aef3-a197" />)).toBe("-77 % of 8be0aef3-a197");
});
