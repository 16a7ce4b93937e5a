import { expect, test } from "vitest";
import type { Batch, BatchLine } from "../src/api/client";
import { groupedBy } from "../src/batch/grouped";
import { difference } from "../src/batch/compare";
import { tasksOf } from "../src/home/HomePage";
import { hex, remember, rememberedBatch } from "../src/upload/prepare";

const batch = {
  rows: { total: 3, payable: 2 },
  amount_cents: { total: 600, payable: 300 },
  to_acknowledge: ["W_A"],
  corrections: [],
  digest: "sha256:1",
} as unknown as Batch;

const line = (change: Partial<BatchLine>) =>
  ({ batch_id: "b", status: "ready", filename: "f", uploaded_by: "prea", ...change }) as BatchLine;
const item = (id: string, reason_code: string) => ({
  id,
  status: "failed",
  reason_code,
  reason: "",
  amount_cents: 5,
  institution_id: "ins_1",
});

test("what changed since the approver looked is named, and nothing else", () => {
  expect(difference(batch, batch)).toEqual([]);
  const after = {
    ...batch,
    rows: { total: 3, payable: 1 },
    amount_cents: { total: 600, payable: 100 },
    digest: "sha256:2",
  } as unknown as Batch;
  expect(difference(batch, after).map((change) => change.what)).toEqual([
    "payable_rows",
    "payable_cents",
    "out_rows",
    "out_cents",
    "digest",
  ]);
});

test("an approver's own upload is never a task to approve", () => {
  const appy = { id: "appy", name: "A", roles: ["approver", "preparer"] };
  expect(tasksOf([line({})], appy)[0]?.word).toBe("task.approve");
  expect(tasksOf([line({ uploaded_by: "appy" })], appy)[0]?.word).toBe("task.waits");
  expect(tasksOf([line({ status: "completed" })], appy)).toEqual([]);
});

test("failures are counted by cause, largest first", () => {
  const groups = groupedBy([item("1", "a"), item("2", "b"), item("3", "b")], (one) => one.id);
  expect(groups.map((group) => [group.code, group.count, group.cents, group.ids])).toEqual([
    ["b", 2, 10, ["2", "3"]],
    ["a", 1, 5, ["1"]],
  ]);
});

test("the browser remembers which batch a file became, and forgets nothing of it but the last fifty", () => {
  const kept = new Map<string, string>();
  const storage = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
  };
  for (let n = 0; n < 60; n += 1) remember(`hash${n}`, `batch${n}`, storage);
  expect([rememberedBatch("hash59", storage), rememberedBatch("hash0", storage)]).toEqual([
    "batch59",
    undefined,
  ]);
  expect(hex(new Uint8Array([0, 15, 255]).buffer)).toBe("000fff");
});
