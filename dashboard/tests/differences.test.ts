import { expect, test } from "vitest";
import type { Batch } from "../src/api/client";
import { batchDifferences } from "../src/batch/tabs/approval/differences";

const batch = {
  rows: { total: 3, payable: 2 },
  amount_cents: { total: 600, payable: 300 },
  to_acknowledge: ["W_A"],
  corrections: [],
  digest: "sha256:1",
} as unknown as Batch;

test("what changed since the approver looked is named, and nothing else", () => {
  expect(batchDifferences(batch, batch)).toEqual([]);
  const after = {
    ...batch,
    rows: { total: 3, payable: 1 },
    amount_cents: { total: 600, payable: 100 },
    digest: "sha256:2",
  } as unknown as Batch;
  expect(batchDifferences(batch, after).map((difference) => difference.what)).toEqual([
    "payable_rows",
    "payable_cents",
    "out_rows",
    "out_cents",
    "digest",
  ]);
});
