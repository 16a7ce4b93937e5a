import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import {
  createMemoryHistory,
  createRootRoute,
  createRouter,
  RouterProvider,
} from "@tanstack/react-router";
import { fireEvent, render, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import type { FC } from "react";
import { afterEach, expect, test, vi } from "vitest";
import { api, type Batch, type Decision, type Hold } from "../src/api/client";
import { type SignedIn, SignedInContext } from "../src/api/signedIn";
import { BatchContext } from "../src/batch/BatchContext";
import { DecisionList } from "../src/batch/DecisionList";
import HoldsPage from "../src/holds/HoldsPage";
import { allMessages, Language } from "../src/i18n/i18n";
import { NamesContext } from "../src/ui/NamedId";

const HOLD = {
  hold_id: "h1",
  kind: "branch",
  shown: "branch BRC-1",
  held_id: "BRC-1",
  person: null,
  first_day: "2026-11-28",
  last_day: null,
  reason: "closed",
  evidence: "",
  set_by: "peter",
  set_at: "2026-11-28T10:00:00Z",
  lifted_by: null,
} as unknown as Hold;
const EMPLOYEE = {
  ...HOLD,
  hold_id: "h2",
  kind: "person",
  shown: "employee EMP-1",
  held_id: "",
  person: { person_id: "p1", name: "María García" },
} as unknown as Hold;
const BATCH = { batch_id: "b1", status: "approved" } as unknown as Batch;

afterEach(() => vi.restoreAllMocks());

function answer(data: unknown) {
  return { data, response: new Response() } as never;
}

/** A page of an approver, to whom the branch has a name. */
async function show(component: FC): Promise<void> {
  await allMessages;
  const router = createRouter({
    routeTree: createRootRoute({ component, validateSearch: (search) => search }),
    history: createMemoryHistory({ initialEntries: ["/"] }),
  });
  const me = { id: "anna", name: "Anna", roles: ["approver"] };
  render(
    <QueryClientProvider
      client={new QueryClient({ defaultOptions: { queries: { retry: false } } })}
    >
      <SignedInContext value={{ me } as unknown as SignedIn}>
        <Language>
          <BatchContext value={{ batch: BATCH, reload: vi.fn() }}>
            <NamesContext value={(_, id) => (id === "BRC-1" ? "Boston" : "")}>
              <RouterProvider router={router as never} />
            </NamesContext>
          </BatchContext>
        </Language>
      </SignedInContext>
    </QueryClientProvider>,
  );
}

test("what is held is shown by its name, and a person leads to the person's page", async () => {
  vi.spyOn(api, "GET").mockResolvedValue(answer({ items: [HOLD, EMPLOYEE], next: null, total: 2 }));
  await show(HoldsPage);
  expect(await screen.findByRole("row", { name: /Boston · BRC-1/ })).toBeVisible();
  expect(screen.getByRole("row", { name: /employee EMP-1 · María García/ })).toBeVisible();
  expect(screen.getByRole("link", { name: "María García" })).toHaveAttribute(
    "href",
    "/employees/p1",
  );
});

test("an approver lifts a hold with a reason", async () => {
  vi.spyOn(api, "GET").mockResolvedValue(answer({ items: [HOLD], next: null, total: 1 }));
  const post = vi.spyOn(api, "POST").mockResolvedValue(answer({}));
  await show(HoldsPage);
  fireEvent.click(await screen.findByRole("button", { name: /Lift the hold: .*BRC-1/ }));
  fireEvent.change(await screen.findByRole("textbox"), { target: { value: "open again" } });
  fireEvent.click(screen.getByRole("button", { name: "Lift" }));
  await waitFor(() => expect(post).toHaveBeenCalledOnce());
  expect(post.mock.calls[0]?.[1]).toEqual({
    params: { path: { hold_id: "h1" } },
    body: { reason: "open again" },
  });
});

test("of 50,000 holds one page is read, and the next one by keyboard", async () => {
  const user = userEvent.setup();
  const get = vi.spyOn(api, "GET").mockResolvedValue(
    answer({
      items: Array.from({ length: 25 }, (_, n) => ({ ...HOLD, hold_id: `h${n}` })),
      next: "more",
      total: 50_000,
    } satisfies object),
  );
  await show(HoldsPage);
  const next = await screen.findByRole("button", { name: /Next/ });
  next.focus();
  await user.keyboard("{Enter}");
  await waitFor(() => expect(get).toHaveBeenCalledTimes(2));
  const asked = get.mock.calls as unknown as [string, { params: { query: object } }][];
  expect(asked.map(([, { params }]) => params.query)).toEqual([
    { lifted: false, limit: 25, cursor: undefined },
    { lifted: false, limit: 25, cursor: btoa("25") },
  ]);
  expect(screen.getAllByRole("columnheader").length).toBeGreaterThan(4);
});

test("a decision names people of its first rows", async () => {
  const decision = {
    decision_id: "d1",
    act: "exclude",
    target: "rows 1-9",
    change: "",
    reason: "on leave",
    evidence: "",
    rows: 9,
    amount_cents: 1503,
    decided_by: "peter",
    decided_at: "2026-11-28T10:00:00Z",
    withdrawn_by: null,
    people: ["Ana", "Bo", "Cy"].map((name) => ({ person_id: name, name })),
  } as unknown as Decision;
  vi.spyOn(api, "GET").mockResolvedValue(answer({ items: [decision], next: null, total: 1 }));
  await show(DecisionList);
  expect(await screen.findByRole("row", { name: /rows 1-9 · Ana · Bo · Cy · …/ })).toBeVisible();
});
