import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { fireEvent, render, screen, waitFor } from "@testing-library/react";
import type { ReactElement } from "react";
import { afterEach, expect, test, vi } from "vitest";
import { api, type ApprovalRules, type Batch } from "../src/api/client";
import type { Person } from "../src/api/session";
import { SignedInContext, type SignedIn } from "../src/api/signedIn";
import { ProposedRules } from "../src/approvalRules/ProposedRules";
import { ProposeRules } from "../src/approvalRules/ProposeRules";
import { draftOf, rulesOf, withNewRule } from "../src/approvalRules/rulesDraft";
import { BatchContext } from "../src/batch/BatchContext";
import { TwoApprovers } from "../src/batch/tabs/approval/TwoApprovers";
import { Language } from "../src/i18n/i18n";

// Links need a router, which no test here is about.
vi.mock("../src/ui/links", () => ({
  Link: ({ children }: { children: ReactElement }) => <span>{children}</span>,
}));

const RULE = { scope: "total", source_account_id: "", from_cents: 100_000, sentence: "" } as const;
const PROPOSAL = {
  rules_version: 3,
  state: "proposed",
  rules: [RULE],
  reason: "agreed",
  tried: 12,
  tried_two: 4,
  proposed_by: "ada",
  proposed_at: "2026-11-20T10:00:00Z",
} as unknown as ApprovalRules;
const ROUTE = "/api/v1/approval-rules";

afterEach(() => {
  vi.restoreAllMocks();
});

const person = (id: string, ...roles: string[]) => ({ id, name: id, roles }) as unknown as Person;

function show(me: Person, element: ReactElement, batch = {} as Batch): void {
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

function answers(data: unknown) {
  return vi.spyOn(api, "POST").mockResolvedValue({ data, response: new Response() } as never);
}

test("a draft becomes rules only when each amount can be read", () => {
  expect(rulesOf([])).toEqual([]);
  expect(rulesOf(withNewRule([]))).toBeNull();
  const draft = draftOf([RULE]);
  expect(rulesOf(draft)).toEqual([{ scope: "total", source_account_id: "", from_cents: 100_000 }]);
  expect(rulesOf([{ id: 0, scope: "total", source: "", amount: "12x" }])).toBeNull();
  expect(rulesOf([{ id: 0, scope: "source", source: " CORP-1 ", amount: "0.07" }])).toEqual([
    { scope: "source", source_account_id: "CORP-1", from_cents: 7 },
  ]);
  expect(withNewRule(draft).map((one) => one.id)).toEqual([0, 1]);
});

test("rules are tried out before they can be proposed, and a change must be tried out anew", async () => {
  const post = answers({
    ...PROPOSAL,
    dry_run: true,
    batches: [
      {
        batch_id: "b1",
        filename: "november.xml",
        approved_at: "2026-11-20T10:00:00Z",
        approved_by: "anna",
        amount_cents: 150_000,
        needs_two: true,
        needs_two_now: false,
      },
    ],
  });
  const proposed = vi.fn();
  show(person("ada", "admin"), <ProposeRules current={PROPOSAL} onProposed={proposed} />);
  expect(screen.queryByRole("button", { name: "Propose these rules" })).toBeNull();
  fireEvent.click(screen.getByRole("button", { name: "Try out" }));
  expect(await screen.findByText("november.xml")).toBeVisible();
  expect(screen.getByRole("status")).toHaveTextContent("4 of them would have needed two");
  const act = screen.getByRole("button", { name: "Propose these rules" });
  expect(act).toBeDisabled();
  fireEvent.change(screen.getByLabelText("Reason"), { target: { value: "agreed" } });
  fireEvent.click(act);
  await waitFor(() => expect(proposed).toHaveBeenCalledOnce());
  const rules = [{ scope: "total", source_account_id: "", from_cents: 100_000 }];
  expect(post.mock.calls).toEqual([
    [ROUTE, { body: { base: 3, rules, reason: "-", dry_run: true } }],
    [ROUTE, { body: { base: 3, rules, reason: "agreed", dry_run: false } }],
  ]);
  fireEvent.change(screen.getByLabelText("From (USD)"), { target: { value: "5" } });
  expect(screen.queryByRole("button", { name: "Propose these rules" })).toBeNull();
});

test("another person confirms proposed rules, never who proposed them", async () => {
  const [post, ended] = [answers({}), vi.fn()];
  show(person("anna", "approver"), <ProposedRules proposal={PROPOSAL} onEnded={ended} />);
  fireEvent.click(screen.getByRole("button", { name: "Confirm" }));
  const dialog = await screen.findByRole("dialog");
  expect(dialog).toHaveTextContent("also for batches that wait");
  fireEvent.click(screen.getByRole("button", { name: "Confirm" }));
  await waitFor(() => expect(ended).toHaveBeenCalledOnce());
  expect(post.mock.calls[0]).toEqual([
    `${ROUTE}/{rules_version}/confirm`,
    { params: { path: { rules_version: 3 } } },
  ]);
});

test("who proposed rules can reject them only, and other roles do neither", () => {
  show(person("ada", "admin"), <ProposedRules proposal={PROPOSAL} onEnded={vi.fn()} />);
  expect(screen.queryByRole("button", { name: "Confirm" })).toBeNull();
  expect(screen.getByRole("button", { name: "Reject" })).toBeVisible();
});

test("a preparer reads proposed rules without buttons", () => {
  show(person("paula", "preparer"), <ProposedRules proposal={PROPOSAL} onEnded={vi.fn()} />);
  expect(screen.queryByRole("button")).toBeNull();
});

test("a batch that needs two approvers says by which rule, and who was first", () => {
  const batch = {
    approvals_needed: 2,
    approvals_because: [RULE],
    first_approval: { approved_by: "anna", approved_at: "2026-11-20T10:00:00Z" },
  } as unknown as Batch;
  show(person("adam", "approver"), <TwoApprovers />, batch);
  expect(screen.getByRole("listitem")).toHaveTextContent("if the batch pays $1,000.00 or more");
  expect(screen.getByText("anna")).toBeVisible();
});
