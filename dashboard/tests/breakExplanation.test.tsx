import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { fireEvent, render, screen, waitFor } from "@testing-library/react";
import { expect, test, vi } from "vitest";
import { api, type Break } from "../src/api/client";
import { SignedInContext, type SignedIn } from "../src/api/signedIn";
import { Language } from "../src/i18n/i18n";
import { BreakExplanation } from "../src/reconciliation/BreakExplanation";

const ORPHAN = {
  break_id: "b1",
  batch_id: "batch",
  kind: "orphan",
  subject: "",
  status: "open",
  evidence: "sha256:seen",
  amount_cents: 1200,
  acknowledgement: null,
  proposal: null,
} as unknown as Break;

function show(found: Partial<Break>, roles: string[] = ["approver"]) {
  const signedIn = { me: { id: "adam", name: "Adam", roles } } as unknown as SignedIn;
  const queries = new QueryClient();
  const page = (more: Partial<Break>) => (
    <QueryClientProvider client={queries}>
      <SignedInContext value={signedIn}>
        <Language>
          <BreakExplanation found={{ ...ORPHAN, ...more }} />
        </Language>
      </SignedInContext>
    </QueryClientProvider>
  );
  const { rerender } = render(page(found));
  return { update: (more: Partial<Break>) => rerender(page(more)) };
}

test("what was seen goes with the explanation, so that another difference is not explained", async () => {
  const post = vi.spyOn(api, "POST").mockResolvedValue({ data: {}, response: new Response() });
  show({});
  fireEvent.click(screen.getByRole("button", { name: "Explain" }));
  fireEvent.change(await screen.findByLabelText("What is it?"), { target: { value: "by-hand" } });
  expect(screen.getByText(/moved at the provider outside/)).toHaveTextContent("$12.00");
  fireEvent.change(screen.getByRole("textbox"), { target: { value: "paid on Monday" } });
  fireEvent.click(screen.getByRole("button", { name: "Propose or confirm" }));
  await waitFor(() =>
    expect(post).toHaveBeenCalledWith("/api/v1/reconciliation/breaks/{break_id}/acknowledge", {
      params: { path: { break_id: "b1" } },
      body: { act: "by-hand", reason: "paid on Monday", evidence: "sha256:seen" },
    }),
  );
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
});

test("a proposal that comes later, or changes, is what a confirmation sends", async () => {
  const post = vi.spyOn(api, "POST").mockResolvedValue({ data: {}, response: new Response() });
  const proposal = { act: "fee", reason: "bank", by_whom: "anna", at: "2026-11-28T10:00:00Z" };
  const { update } = show({});
  for (const act of ["by-hand", "fee"]) {
    update({ proposal: { ...proposal, act } as Break["proposal"] });
    fireEvent.click(screen.getByRole("button", { name: "Explain" }));
    expect(await screen.findByLabelText("What is it?")).toHaveValue(act);
    fireEvent.change(screen.getByRole("textbox"), { target: { value: "so it is" } });
    fireEvent.click(screen.getByRole("button", { name: "Propose or confirm" }));
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    expect(post.mock.lastCall?.[1]).toMatchObject({ body: { act } });
  }
});

test("who may not decide sees a proposal and no button", () => {
  const proposal = { act: "fee", reason: "bank", by_whom: "anna", at: "2026-11-28T10:00:00Z" };
  show({ proposal: proposal as Break["proposal"] }, ["auditor"]);
  expect(screen.getByText(/anna proposed/)).toHaveTextContent("A fee of the provider");
  expect(screen.queryByRole("button")).toBeNull();
});

test("money that is missing is not explained away", () => {
  for (const found of [
    { kind: "missing_there" },
    { kind: "duplicate" },
    { kind: "status", subject: "" },
  ]) {
    show(found);
    expect(screen.queryByRole("button")).toBeNull();
  }
});

test("an explained difference says who, why, and with which journal", () => {
  show({
    status: "acknowledged",
    acknowledgement: {
      act: "by-hand",
      reason: "paid on Monday",
      proposed_by: "anna",
      confirmed_by: "adam",
      confirmed_at: "2026-11-28T10:00:00Z",
      journals: [
        {
          journal_id: "0b2c",
          provider_payment_id: "pmt_9",
          from_account: "source:A",
          to_account: "outside:provider",
          amount_cents: 1200,
        },
      ],
    },
  });
  expect(screen.getByText(/paid on Monday/)).toBeInTheDocument();
  expect(screen.getByText(/anna and adam/)).toBeInTheDocument();
  expect(screen.getByText(/from source:A to outside:provider/)).toHaveTextContent("$12.00");
});
