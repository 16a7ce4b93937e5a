import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { fireEvent, render, screen, waitFor } from "@testing-library/react";
import type { ReactElement } from "react";
import { afterEach, expect, test, vi } from "vitest";
import { api, type ApprovalRequest, type Batch, type BatchLine } from "../src/api/client";
import type { Person } from "../src/api/session";
import { SignedInContext, type SignedIn } from "../src/api/signedIn";
import { ApprovalRequestNotice } from "../src/batch/ApprovalRequestNotice";
import { isOwn, mayAsk } from "../src/api/approvalRequest";
import { BatchContext } from "../src/batch/BatchContext";
import { mayDecide } from "../src/batch/decision";
import { mayChoosePeriod } from "../src/batch/PeriodChoice";
import { AskApproval } from "../src/batch/tabs/approval/AskApproval";
import { tasksOf } from "../src/home/tasks";
import { Language } from "../src/i18n/i18n";

const REQUESTS = "/api/v1/batches/{batch_id}/approval-requests";
const OPEN = {
  request_id: "r1",
  state: "open",
  is_of_this_digest: true,
  note: "for Friday",
  asked_by: "peter",
  asked_at: "2026-11-20T10:00:00Z",
  ended_by: null,
  ended_at: null,
  end_reason: "",
} as unknown as ApprovalRequest;
const SENT_BACK = {
  ...OPEN,
  state: "sent_back",
  ended_by: "anna",
  ended_at: "2026-11-20T11:00:00Z",
  end_reason: "Ida left",
} as ApprovalRequest;

afterEach(() => {
  vi.restoreAllMocks();
});

function batchWith(...requests: ApprovalRequest[]): Batch {
  return {
    batch_id: "b1",
    status: "ready",
    digest: "sha256:1",
    approved_by: null,
    uploaded_by: "paula",
    issues: [],
    period_choices: ["2026-11-16"],
    rows: { payable: 3 },
    amount_cents: { payable: 2206 },
    approval_requests: requests,
  } as unknown as Batch;
}

const line = (request: ApprovalRequest | null) =>
  ({
    batch_id: "b1",
    status: "ready",
    uploaded_by: "paula",
    approval_request: request,
  }) as BatchLine;
const first = (one: BatchLine, me: Person) => tasksOf([one], me)[0];
const person = (id: string, ...roles: string[]) => ({ id, name: id, roles }) as unknown as Person;

function show(batch: Batch, me: Person, element: ReactElement): void {
  render(
    <QueryClientProvider client={new QueryClient()}>
      <SignedInContext value={{ me } as unknown as SignedIn}>
        <Language>
          <BatchContext value={{ batch, reload: vi.fn() }}>{element}</BatchContext>
        </Language>
      </SignedInContext>
    </QueryClientProvider>,
  );
}

function answers(method: "POST" | "DELETE") {
  return vi.spyOn(api, method).mockResolvedValue({ data: {}, response: new Response() } as never);
}

test("while somebody is asked, nobody is offered to change the batch", () => {
  const preparer = person("paula", "preparer");
  for (const [batch, may] of [
    [batchWith(), true],
    [batchWith(SENT_BACK), true],
    [batchWith(SENT_BACK, OPEN), false],
  ] as const) {
    expect(mayDecide(batch, preparer)).toBe(may);
    expect(mayChoosePeriod(batch, preparer)).toBe(may);
    expect(mayAsk(batch, preparer)).toBe(may);
  }
  expect(mayAsk(batchWith(), person("anna", "approver"))).toBe(false);
  expect(isOwn("paula", [OPEN], person("peter", "preparer", "approver"))).toBe(true);
  expect(isOwn("paula", [OPEN], person("anna", "approver"))).toBe(false);
});

test("a preparer asks with a note, for exactly what is shown", async () => {
  const post = answers("POST");
  show(batchWith(), person("paula", "preparer"), <AskApproval />);
  fireEvent.click(screen.getByRole("button", { name: "Ask for approval" }));
  fireEvent.change(await screen.findByRole("textbox", { name: /Note/ }), {
    target: { value: "for Friday" },
  });
  expect(screen.getByRole("dialog")).toHaveTextContent("3 rows, $22.06");
  fireEvent.click(screen.getByRole("button", { name: "Ask for approval" }));
  await waitFor(() => expect(post).toHaveBeenCalledOnce());
  expect(post.mock.calls[0]).toEqual([
    REQUESTS,
    {
      params: { path: { batch_id: "b1" } },
      body: { digest: "sha256:1", note: "for Friday" },
    },
  ]);
});

test("an approver reads the note and sends the batch back with a reason", async () => {
  const [post, answered] = [answers("POST"), vi.fn()];
  const batch = batchWith(OPEN);
  show(
    batch,
    person("anna", "approver"),
    <ApprovalRequestNotice batch={batch} onAnswered={answered} />,
  );
  expect(await screen.findByText("for Friday")).toBeVisible();
  expect(screen.queryByRole("button", { name: "Withdraw" })).toBeNull();
  fireEvent.click(screen.getByRole("button", { name: "Send back" }));
  fireEvent.change(await screen.findByRole("textbox"), { target: { value: "Ida left" } });
  fireEvent.click(screen.getByRole("button", { name: "Send back" }));
  await waitFor(() => expect(answered).toHaveBeenCalledOnce());
  expect(post.mock.calls[0]).toEqual([
    `${REQUESTS}/{request_id}/send-back`,
    {
      params: { path: { batch_id: "b1", request_id: "r1" } },
      body: { reason: "Ida left" },
    },
  ]);
});

test("a preparer withdraws a request, and reads why a batch was sent back", async () => {
  const [remove, answered] = [answers("DELETE"), vi.fn()];
  const me = person("paula", "preparer");
  const changed = batchWith({ ...OPEN, is_of_this_digest: false });
  show(changed, me, <ApprovalRequestNotice batch={changed} onAnswered={answered} />);
  expect(await screen.findByText(/has changed since/)).toBeVisible();
  expect(screen.queryByRole("button", { name: "Send back" })).toBeNull();
  fireEvent.click(screen.getByRole("button", { name: "Withdraw" }));
  await waitFor(() => expect(answered).toHaveBeenCalledOnce());
  expect(remove).toHaveBeenCalledOnce();
  const back = batchWith(SENT_BACK);
  show(back, me, <ApprovalRequestNotice batch={back} onAnswered={answered} />);
  expect(await screen.findByText("Ida left")).toBeVisible();
});

test("home says what is asked for and what was sent back", () => {
  const paula = person("paula", "preparer");
  expect(first(line(SENT_BACK), paula)).toMatchObject({ message: "task.sent-back", rank: 0 });
  expect(first(line(OPEN), paula)?.message).toBe("task.awaits-approval");
  expect(first(line(null), paula)?.message).toBe("task.review");
  expect(first(line(OPEN), person("anna", "approver"))?.message).toBe("task.approve");
  expect(first(line(OPEN), person("peter", "preparer", "approver"))?.message).toBe(
    "task.awaits-approval",
  );
  const half = { ...line(null), first_approved_by: "anna" };
  expect(first(half, person("anna", "approver"))?.message).toBe("task.awaits-approval");
  expect(first(half, person("adam", "approver"))?.message).toBe("task.approve");
  expect(first(line(SENT_BACK), person("anna", "approver"))?.message).toBe("task.was-sent-back");
});
