import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { fireEvent, render, screen, waitFor } from "@testing-library/react";
import { expect, test, vi } from "vitest";
import { api, type Duplicate } from "../src/api/client";
import { SignedInContext, type SignedIn } from "../src/api/signedIn";
import { Language } from "../src/i18n/i18n";
import { DuplicateDecisions } from "../src/payments/DuplicateDecisions";

const FOUND: Duplicate = {
  payment_id: "p1",
  batch_id: "batch",
  provider_payment_ids: ["pmt_1", "pmt_1b"],
  alive: 2,
  found_at: "2026-11-28T10:00:00Z",
  act: null,
  reason: "",
  proposed_by: null,
  decided_by: null,
  decided_at: null,
};
const PROPOSED = { act: "recovered", reason: "wire of Monday", proposed_by: "anna" } as const;

function show(more: Partial<Duplicate> = {}, roles: string[] = ["approver"]) {
  const signedIn = { me: { id: "adam", name: "Adam", roles } } as unknown as SignedIn;
  const queries = new QueryClient();
  const onDecided = vi.fn();
  const page = (change: Partial<Duplicate>) => (
    <QueryClientProvider client={queries}>
      <SignedInContext value={signedIn}>
        <Language>
          <DuplicateDecisions duplicates={[{ ...FOUND, ...change }]} onDecided={onDecided} />
        </Language>
      </SignedInContext>
    </QueryClientProvider>
  );
  const { rerender } = render(page(more));
  return { onDecided, update: (change: Partial<Duplicate>) => rerender(page(change)) };
}

test("a decision sends the act and the reason, and the page is read again", async () => {
  const post = vi.spyOn(api, "POST").mockResolvedValue({ data: {}, response: new Response() });
  const { onDecided } = show();
  expect(screen.getByText("pmt_1, pmt_1b")).toBeInTheDocument();
  fireEvent.click(screen.getByRole("button", { name: "Decide what became of it" }));
  const acts = await screen.findByLabelText("What became of the second payment?");
  fireEvent.change(acts, { target: { value: "accepted" } });
  fireEvent.change(screen.getByRole("textbox"), { target: { value: "ticket 17" } });
  fireEvent.click(screen.getByRole("button", { name: "Propose or confirm" }));
  await waitFor(() =>
    expect(post).toHaveBeenCalledWith("/api/v1/payments/{payment_id}/duplicate", {
      params: { path: { payment_id: "p1" } },
      body: { act: "accepted", reason: "ticket 17" },
    }),
  );
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  expect(onDecided).toHaveBeenCalled();
});

test("what another person has proposed is chosen first, and an open dialog stays open", async () => {
  const { update } = show();
  fireEvent.click(screen.getByRole("button", { name: "Decide what became of it" }));
  await screen.findByRole("dialog");
  update(PROPOSED);
  expect(screen.getByRole("dialog")).toBeInTheDocument();
  fireEvent.click(screen.getByRole("button", { name: "Cancel" }));
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  expect(screen.getByText(/anna proposed/)).toHaveTextContent("wire of Monday");
  fireEvent.click(screen.getByRole("button", { name: "Decide what became of it" }));
  expect(await screen.findByLabelText("What became of the second payment?")).toHaveValue(
    "recovered",
  );
});

test("what is decided, and who may not decide, has no button", () => {
  const { update } = show(PROPOSED, ["auditor"]);
  expect(screen.queryByRole("button")).toBeNull();
  update({ ...PROPOSED, decided_by: "adam", decided_at: "2026-11-28T11:00:00Z" });
  expect(screen.getByText(/adam confirmed/)).toHaveTextContent("Its money came back");
});
