import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { fireEvent, render, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import type { ReactElement } from "react";
import { afterEach, expect, test, vi } from "vitest";
import { api, type Batch, type Decision, type Row } from "../src/api/client";
import { Problem } from "../src/api/problem";
import type { Person } from "../src/api/session";
import { SignedInContext, type SignedIn } from "../src/api/signedIn";
import { BatchContext } from "../src/batch/BatchContext";
import { DecideDialog } from "../src/batch/DecideDialog";
import { DecisionList, mayTakeBack } from "../src/batch/DecisionList";
import {
  decisionRequest,
  filterTarget,
  lacksMerchant,
  mayAccept,
  mayDecide,
  mayInclude,
  missingValue,
} from "../src/batch/decision";
import { HoldDialog } from "../src/batch/HoldDialog";
import { MendDialog } from "../src/batch/MendDialog";
import { RedirectDialog } from "../src/batch/RedirectDialog";
import { Language } from "../src/i18n/i18n";

const BATCH = { batch_id: "b1", status: "ready", digest: "sha256:1" } as unknown as Batch;
const DECIDE = "/api/v1/batches/{batch_id}/decisions";
const EXCLUDED = { status: "excluded", reason_code: "already_in_period" } as Row;
const DECISION = {
  decision_id: "d1",
  act: "exclude",
  target: "employee EMP-1",
  change: "",
  reason: "on leave",
  evidence: "ticket 7",
  rows: 2,
  amount_cents: 1503,
  decided_by: "peter",
  decided_at: "2026-11-28T10:00:00Z",
  withdrawn_by: null,
  withdrawn_at: null,
  people: [],
} as unknown as Decision;

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** A paragraph by its whole text, which is in several elements. */
function paragraph(text: RegExp): Promise<HTMLElement> {
  return screen.findByText(
    (_, element) => element?.tagName === "P" && text.test(element.textContent ?? ""),
  );
}

function person(...roles: string[]): Person {
  return { id: "peter", name: "Peter", roles } as unknown as Person;
}

function answer(data: unknown) {
  return { data, response: new Response() } as never;
}

function show(
  element: ReactElement,
  reload = vi.fn(),
  me = person("preparer"),
  defaults: { refetchInterval?: number } = {},
): void {
  const queries = { retry: false, ...defaults };
  render(
    <QueryClientProvider client={new QueryClient({ defaultOptions: { queries } })}>
      <SignedInContext value={{ me } as unknown as SignedIn}>
        <Language>
          <BatchContext value={{ batch: BATCH, reload }}>{element}</BatchContext>
        </Language>
      </SignedInContext>
    </QueryClientProvider>,
  );
}

test("who may decide, include and take back", () => {
  expect(mayDecide(BATCH, person("preparer"))).toBe(true);
  expect(mayDecide(BATCH, person("auditor", "operator"))).toBe(false);
  expect(mayDecide({ ...BATCH, status: "approved" }, person("preparer"))).toBe(false);
  expect(mayInclude([EXCLUDED], person("approver"))).toBe(true);
  expect(mayInclude([EXCLUDED], person("preparer"))).toBe(false);
  expect(mayInclude([], person("approver"))).toBe(false);
  const held = { ...EXCLUDED, reason_code: "on_hold" };
  expect(mayInclude([EXCLUDED, held], person("approver"))).toBe(false);
  expect(mayTakeBack(DECISION, true, person("preparer"))).toBe(true);
  expect(mayTakeBack({ ...DECISION, act: "include" }, true, person("preparer"))).toBe(false);
  expect(mayTakeBack(DECISION, false, person("preparer"))).toBe(false);
  expect(mayTakeBack({ ...DECISION, withdrawn_by: "anna" }, true, person("preparer"))).toBe(false);
});

test("a list without filters is no target, so not the whole batch is decided by mistake", () => {
  expect(filterTarget({ page: "2", sort: "status" })).toBeUndefined();
  expect(filterTarget({ branch: "BRC-1", q: "ida" })).toEqual({
    filter: { branch: "BRC-1", q: "ida" },
  });
  expect(decisionRequest("exclude", { filter: { branch: "BRC-1" } }, "closed")).toMatchObject({
    filter: { branch: "BRC-1", status: "", q: "" },
    row_ids: [],
    reason: "closed",
  });
});

test("the dialog says the money before it decides, and then sends the digest that was seen", async () => {
  const post = vi.spyOn(api, "POST").mockResolvedValue(
    answer({
      decisions: [{ rows: 2, amount_cents: 1503 }],
      payable_before: { rows: 3, amount_cents: 2206 },
      payable_after: { rows: 1, amount_cents: 703 },
    }),
  );
  const [reload, decided] = [vi.fn(), vi.fn()];
  show(
    <DecideDialog
      act="exclude"
      target={{ employee_id: "EMP-1" }}
      onClose={vi.fn()}
      onDecided={decided}
    />,
    reload,
  );
  expect(await paragraph(/2 rows, \$15\.03/)).toBeVisible();
  expect(await paragraph(/pays one row, \$7\.03, instead of \$22\.06/)).toBeVisible();
  expect(post).toHaveBeenCalledExactlyOnceWith(DECIDE, {
    params: { path: { batch_id: "b1" } },
    body: {
      decisions: [decisionRequest("exclude", { employee_id: "EMP-1" }, "-")],
      digest: "sha256:1",
      dry_run: true,
    },
  });
  fireEvent.change(screen.getByRole("textbox"), { target: { value: "on leave" } });
  fireEvent.click(screen.getByRole("button", { name: "Exclude" }));
  await waitFor(() => expect(decided).toHaveBeenCalledOnce());
  expect(post.mock.calls[1]?.[1]).toMatchObject({
    body: { decisions: [{ reason: "on leave", employee_id: "EMP-1" }], dry_run: false },
  });
  expect(reload).toHaveBeenCalledOnce();
});

test("a preview that is refused decides nothing", async () => {
  const refused = new Problem({ code: "decision.stale", detail: "The batch has changed." }, 409);
  vi.spyOn(api, "POST").mockRejectedValue(refused);
  show(
    <DecideDialog
      act="exclude"
      target={{ row_ids: ["r1"] }}
      onClose={vi.fn()}
      onDecided={vi.fn()}
    />,
  );
  expect(await screen.findByRole("alert")).toHaveTextContent("The batch has changed.");
  expect(screen.getByRole("button", { name: /Working/ })).toHaveAttribute("aria-disabled", "true");
});

test("decisions are listed with names and reasons, and taken back", async () => {
  vi.spyOn(api, "GET").mockResolvedValue(answer({ items: [DECISION], next: null, total: 1 }));
  const taken = vi.spyOn(api, "DELETE").mockResolvedValue(answer({}));
  const reload = vi.fn();
  show(<DecisionList />, reload);
  expect(await screen.findByText(/employee EMP-1/)).toBeVisible();
  expect(screen.getByText(/peter/)).toBeVisible();
  expect(screen.getByText("on leave · ticket 7")).toBeVisible();
  fireEvent.click(screen.getByRole("button", { name: "Take back" }));
  await waitFor(() => expect(reload).toHaveBeenCalled());
  expect(taken.mock.calls[0]?.[1]).toEqual({
    params: { path: { batch_id: "b1", decision_id: "d1" } },
  });
});

test("a hold says what open batches pay of it, and what it does not stop", async () => {
  const post = vi.spyOn(api, "POST").mockResolvedValue(
    answer({
      shown: "employee EMP-1",
      open_batches: [{ rows: 2, amount_cents: 1503 }],
      approved_batches: [{ rows: 1, amount_cents: 703 }],
    }),
  );
  const done = vi.fn();
  show(<HoldDialog row={{ row_id: "r1" } as Row} onClose={vi.fn()} onDone={done} />);
  expect(await paragraph(/would pay 2 rows of it, \$15\.03/)).toBeVisible();
  expect(await paragraph(/Not stopped by this: .* one row, \$7\.03/)).toBeVisible();
  fireEvent.change(screen.getByRole("textbox"), { target: { value: "order" } });
  await waitFor(() => expect(screen.getByRole("button", { name: "Hold" })).toBeEnabled());
  fireEvent.click(screen.getByRole("button", { name: "Hold" }));
  await waitFor(() => expect(done).toHaveBeenCalledOnce());
  expect(post.mock.calls.at(-1)?.[1]).toMatchObject({
    body: { kind: "person", row_id: "r1", last_day: null, reason: "order", dry_run: false },
  });
});

test("an open dialog asks once what its act would change", async () => {
  vi.useFakeTimers();
  const post = vi.spyOn(api, "POST").mockRejectedValue(new Error("away"));
  show(
    <>
      <DecideDialog
        act="exclude"
        target={{ row_ids: ["r1"] }}
        onClose={vi.fn()}
        onDecided={vi.fn()}
      />
      <HoldDialog row={{ row_id: "r1" } as Row} onClose={vi.fn()} onDone={vi.fn()} />
    </>,
    vi.fn(),
    person("preparer"),
    { refetchInterval: 10_000 },
  );
  await vi.advanceTimersByTimeAsync(61_000);
  expect(post).toHaveBeenCalledTimes(2);
});

test("a changed person can be accepted where a row is refused for the birth date or warned", () => {
  const row = { employee_id: "EMP-1", status: "refused", reason_code: "E_EMPLOYEE_OTHER_DOB" };
  expect(mayAccept(row as Row)).toBe(true);
  expect(mayAccept({ ...row, status: "payable", reason_code: "" } as Row)).toBe(true);
  expect(mayAccept({ ...row, reason_code: "E_AMOUNT" } as Row)).toBe(false);
  expect(mayAccept({ ...row, employee_id: "" } as Row)).toBe(false);
});

test("a dialog says what is accepted and what it changes in money", async () => {
  const change = "another birth date than in batch b0 is the person's own";
  vi.spyOn(api, "POST").mockResolvedValue(
    answer({
      decisions: [{ rows: 1, amount_cents: 703, change }],
      payable_before: { rows: 0, amount_cents: 0 },
      payable_after: { rows: 1, amount_cents: 703 },
    }),
  );
  const target = { employee_id: "EMP-1" };
  show(<DecideDialog act="accept" target={target} onClose={vi.fn()} onDecided={vi.fn()} />);
  expect(await screen.findByText(change)).toBeTruthy();
  expect(await paragraph(/\$7\.03, instead of \$0\.00/)).toBeTruthy();
});

test("the approver reads what is changed beside the decision", async () => {
  const accepted = { ...DECISION, act: "accept", change: "another phone than in batch b0" };
  const list = { data: { items: [accepted], next: null, total: 1 } };
  vi.spyOn(api, "GET").mockResolvedValue({ ...list, response: new Response() } as never);
  show(<DecisionList />);
  expect(await screen.findByText(/EMP-1 · another phone than in batch b0/)).toBeTruthy();
});

test("a missing value is sent once it is written as it must be", () => {
  const row = { institution_id: "ins_1", source_account_id: "CORP-1" };
  const merchant = { institution_id: "ins_1", merchant_id: "mch_77" };
  expect(missingValue(row, "merchant", " mch_77 ")).toEqual(merchant);
  expect(missingValue(row, "merchant", "77")).toBeUndefined();
  expect(missingValue(row, "ein", "32120240")).toBeUndefined();
  const ein = { source_account_id: "CORP-1", ein: "321202401" };
  expect(missingValue(row, "ein", "321202401")).toEqual(ein);
  const wanted = decisionRequest("mend", ein, "letter");
  expect(wanted).toMatchObject({ ...ein, act: "mend", reason: "letter", merchant_id: "" });
  expect(lacksMerchant({ status: "unpayable", reason_code: "no_merchant" } as Row)).toBe(true);
  expect(lacksMerchant({ status: "unpayable", reason_code: "refused" } as Row)).toBe(false);
});

test("who names a merchant sees the money of it before the reason is sent", async () => {
  const post = vi.spyOn(api, "POST").mockResolvedValue(
    answer({
      decisions: [{ rows: 2, amount_cents: 1503, change: "paid through merchant mch_77" }],
      payable_before: { rows: 1, amount_cents: 703 },
      payable_after: { rows: 3, amount_cents: 2206 },
    }),
  );
  const row = { institution_id: "ins_1", source_account_id: "CORP-1" } as Row;
  show(<MendDialog row={row} field="merchant" onClose={vi.fn()} onDecided={vi.fn()} />);
  const next = await screen.findByRole("button", { name: "Next" });
  expect((next as HTMLButtonElement).disabled).toBe(true);
  await userEvent.type(screen.getByRole("textbox"), "mch_77{Enter}");
  expect(await screen.findByText("paid through merchant mch_77")).toBeTruthy();
  expect(await paragraph(/\$22\.06, instead of \$7\.03/)).toBeTruthy();
  const decision = { act: "mend", institution_id: "ins_1", merchant_id: "mch_77" };
  const body = expect.objectContaining({ decisions: [expect.objectContaining(decision)] });
  expect(post).toHaveBeenCalledWith(DECIDE, expect.objectContaining({ body }));
});

test("a loan is redirected once both of its parts are written", async () => {
  const post = vi.spyOn(api, "POST").mockResolvedValue(
    answer({
      decisions: [{ rows: 1, amount_cents: 703, change: "is redirected to ins_2" }],
      payable_before: { rows: 1, amount_cents: 703 },
      payable_after: { rows: 1, amount_cents: 703 },
    }),
  );
  const row = { row_id: "r1", institution_id: "ins_1", loan_last4: "4001" } as Row;
  show(<RedirectDialog row={row} onClose={vi.fn()} onDecided={vi.fn()} />);
  const next = await screen.findByRole("button", { name: "Next" });
  const institution = screen.getByRole("textbox", { name: /Institution/ });
  await userEvent.type(screen.getByRole("textbox", { name: /number/ }), "77-4002");
  await userEvent.clear(institution);
  expect((next as HTMLButtonElement).disabled).toBe(true);
  await userEvent.type(institution, "ins_2{Enter}");
  expect(await screen.findByText("is redirected to ins_2")).toBeTruthy();
  const loan = { row_ids: ["r1"], institution_id: "ins_2", loan_number: "77-4002" };
  const body = expect.objectContaining({
    decisions: [expect.objectContaining({ act: "redirect", ...loan })],
  });
  expect(post).toHaveBeenCalledWith(DECIDE, expect.objectContaining({ body }));
});
