import { fireEvent, render, screen } from "@testing-library/react";
import type { ReactElement } from "react";
import { expect, test, vi } from "vitest";
import type { Batch, BatchLine } from "../src/api/client";
import { MoneySentence } from "../src/batch/MoneySentence";
import { ConfirmApproval } from "../src/batch/tabs/approval/ConfirmApproval";
import { StartChoice } from "../src/batch/tabs/approval/StartChoice";
import type { Approval } from "../src/batch/tabs/approval/useApproval";
import { tasksOf } from "../src/home/tasks";
import { allMessages, Language } from "../src/i18n/i18n";
import { batchWith } from "./fakeBatch";

const START = "2026-12-01T16:30:00+00:00";
const CHOICES = [{ kind: "next_business_day", start_at: START, arrives_on: "2026-12-03" }];
const APPY = { id: "appy", name: "A", roles: ["approver"] };

const line = (status: string, start_at: string | null) =>
  ({ batch_id: "b", status, filename: "f", uploaded_by: "p", start_at }) as BatchLine;

const message = (status: string, at: string | null) =>
  tasksOf([line(status, at)], APPY)[0]?.message;

async function show(part: ReactElement): Promise<void> {
  await allMessages;
  render(<Language>{part}</Language>);
}

function approvalOf(change: Partial<Approval>, batch: Partial<Batch> = {}): Approval {
  const shown = {
    digest: "sha256:1",
    rows: { payable: 3, total: 3 },
    amount_cents: { payable: 2206, total: 2206 },
    sources: [],
    start_choices: CHOICES,
    first_approval: null,
    ...batch,
  } as unknown as Batch;
  return { shown, current: shown, included: [], startAt: null, ...change } as Approval;
}

test("an approver chooses a later start, at once is the default", async () => {
  const setStartAt = vi.fn();
  await show(<StartChoice approval={approvalOf({ setStartAt })} />);
  expect(screen.getByRole("combobox").textContent).toBe("At once");
  fireEvent.mouseDown(screen.getByRole("combobox"));
  fireEvent.click(screen.getByText(/On the next business day/));
  expect(setStartAt).toHaveBeenCalledWith(START);
});

test("the second approver sees the start of the first and cannot choose another", async () => {
  const first = { approved_by: "anna", approved_at: START, start_at: START };
  await show(<StartChoice approval={approvalOf({ startAt: START }, { first_approval: first })} />);
  expect(screen.queryByRole("combobox")).toBeNull();
  expect(screen.getByText(/You approve the same start/)).toBeTruthy();
});

test.each([
  [null, /as soon as you approve/],
  [START, /Nothing is sent before Dec/],
])("the question before approving says when sending starts (%s)", async (startAt, sentence) => {
  await show(<ConfirmApproval approval={approvalOf({ startAt })} onClose={() => undefined} />);
  const says = (_: string, part: Element | null) =>
    part?.tagName === "P" && sentence.test(part.textContent ?? "");
  expect(await screen.findByText(says)).toBeTruthy();
});

test("a batch that waits for its start says so and that nothing was sent", async () => {
  const cents = { total: 2206, completed: 0, pending: 0, sending: 0, unprocessed: 2206 };
  const batch = {
    ...batchWith("approved", { unprocessed: 3 }),
    start_at: START,
    payment_amount_cents: cents,
  } as Batch;
  await show(<MoneySentence batch={batch} />);
  expect(screen.getByText(/Nothing was sent yet. Sending starts on/)).toBeTruthy();
});

test("Home names the start of a batch until it begins", () => {
  expect(message("approved", START)).toBe("task.scheduled");
  expect(message("approved", null)).toBe("task.running");
  expect(message("paying", START)).toBe("task.running");
});
