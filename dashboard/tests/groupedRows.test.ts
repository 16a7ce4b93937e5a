import { expect, test } from "vitest";
import { groupByReason } from "../src/batch/useGroupedRows";

const item = (id: string, reason_code: string) => ({
  id,
  status: "failed",
  reason_code,
  reason: "",
  amount_cents: 5,
  institution_id: "ins_1",
});

test("failures are counted by cause, largest first", () => {
  const items = [item("1", "a"), item("2", "b"), item("3", "b")];
  const groups = groupByReason(items, (one) => one.id);
  expect(groups.map((group) => [group.code, group.count, group.cents, group.ids])).toEqual([
    ["b", 2, 10, ["2", "3"]],
    ["a", 1, 5, ["1"]],
  ]);
});
