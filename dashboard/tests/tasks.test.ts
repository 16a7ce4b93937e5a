import { expect, test } from "vitest";
import type { BatchLine } from "../src/api/client";
import { tasksOf } from "../src/home/tasks";

const line = (change: Partial<BatchLine>) =>
  ({ batch_id: "b", status: "ready", filename: "f", uploaded_by: "prea", ...change }) as BatchLine;

test("an approver's own upload is never a task to approve", () => {
  const appy = { id: "appy", name: "A", roles: ["approver", "preparer"] };
  expect(tasksOf([line({})], appy)[0]?.message).toBe("task.approve");
  expect(tasksOf([line({ uploaded_by: "appy" })], appy)[0]?.message).toBe("task.review");
  expect(tasksOf([line({ status: "completed" })], appy)).toEqual([]);
});
