import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import {
  createMemoryHistory,
  createRootRoute,
  createRoute,
  createRouter,
  RouterProvider,
} from "@tanstack/react-router";
import { fireEvent, render, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeAll, beforeEach, expect, test, vi } from "vitest";
import { api, type Found } from "../src/api/client";
import { Problem } from "../src/api/problem";
import { SearchButton } from "../src/app/SearchButton";
import { allMessages, Language } from "../src/i18n/i18n";
import { hitsOf } from "../src/search/hits";

const FOUND = {
  employees: [
    {
      person_id: "p3rs0n",
      employee_id: "EMP-1",
      first_name: "María",
      last_name: "García",
      branch_id: "BRC-1",
      last_seen: "2026-11-09T10:00:00Z",
    },
  ],
  payments: [
    {
      payment_id: "7f3e0b86-3a5a-4a52-9d3a-0c7b2a1f0002",
      batch_id: "b1",
      status: "held",
      amount: "9.38",
      amount_cents: 938,
      employee_id: "EMP-1",
      loan_last4: "4321",
      provider_payment_id: "pmt_1",
      name: "María García",
    },
  ],
  batches: [],
  branches: [{ branch_id: "BRC-9", batch_id: "b2", filename: "may.xml" }],
  sources: [],
} as unknown as Found;
const NAME = { kind: "branch", id: "BRC-9", version: 1, name: "Boston" };
const get = vi.spyOn(api, "GET");

beforeAll(async () => {
  await import("../src/search/SearchDialog"); // the first load may take longer than a test waits
});
beforeEach(() => {
  get.mockReset();
  get.mockImplementation(((path: string) =>
    Promise.resolve({
      data: path === "/api/v1/names" ? { items: [NAME] } : FOUND,
      response: new Response(),
    })) as never);
});

/** What the gateway was asked for, each time. */
function asked(): unknown[] {
  const calls = get.mock.calls as unknown as [string, { params: { query: { q: string } } }][];
  return calls.filter(([path]) => path === "/api/v1/search").map(([, init]) => init.params.query.q);
}

/** A page with the button, and the router's history. */
async function show() {
  await allMessages;
  const root = createRootRoute();
  const home = createRoute({ getParentRoute: () => root, path: "/", component: SearchButton });
  const employee = createRoute({
    getParentRoute: () => root,
    path: "/employees/$personId",
    component: () => <p>the employee</p>,
  });
  const history = createMemoryHistory({ initialEntries: ["/"] });
  const router = createRouter({ routeTree: root.addChildren([home, employee]), history });
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  render(
    <QueryClientProvider client={client}>
      <Language>
        <RouterProvider router={router as never} />
      </Language>
    </QueryClientProvider>,
  );
  await screen.findByRole("button", { name: /Search/ });
  return history;
}

test("Ctrl-K opens the search, and the keyboard alone leads to an employee", async () => {
  const user = userEvent.setup();
  const history = await show();
  fireEvent.keyDown(window, { key: "k" });
  expect(screen.queryByRole("dialog")).toBeNull();
  fireEvent.keyDown(window, { key: "k", ctrlKey: true });
  const field = await screen.findByRole("combobox", { name: /Name, id, file/ });
  await waitFor(() => expect(field).toHaveFocus());
  await user.keyboard("garc");
  const options = await screen.findAllByRole("option");
  expect(options.map((one) => one.textContent)).toEqual([
    "María GarcíaEMP-1 · BRC-1",
    "$9.38 · María García · ****43217f3e0b86 pmt_1Held",
    "BostonBRC-9 · may.xml",
  ]);
  expect(asked().at(-1)).toBe("garc"); // hits of an earlier text are not shown
  expect(history.location.href).toBe("/"); // what is typed is not in the address
  await user.keyboard("{Enter}");
  await screen.findByText("the employee");
  expect(history.location.pathname).toBe("/employees/p3rs0n");
});

test("one character asks nothing, and Escape closes the search", async () => {
  const user = userEvent.setup();
  await show();
  await user.click(screen.getByRole("button", { name: /Search/ }));
  const field = await screen.findByRole("combobox");
  await waitFor(() => expect(field).toHaveFocus());
  await user.keyboard("g");
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(asked()).toEqual([]);
  expect(screen.queryByRole("option")).toBeNull();
  await user.keyboard("{Escape}");
  await user.keyboard("{Escape}");
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
});

test("a refusal is shown in the dialog", async () => {
  get.mockRejectedValue(new Problem({ code: "upstream.away", detail: "Reports is away." }, 422));
  const user = userEvent.setup();
  await show();
  await user.click(screen.getByRole("button", { name: /Search/ }));
  await waitFor(async () => expect(await screen.findByRole("combobox")).toHaveFocus());
  await user.keyboard("garc");
  expect(await screen.findByRole("alert")).toHaveTextContent("Reports is away.");
});

test("every kind of hit leads to its page", () => {
  expect(hitsOf(FOUND, "en-US", () => "").map(({ target }) => target)).toEqual([
    { to: "/employees/$personId", params: { personId: "p3rs0n" } },
    {
      to: "/payments/$paymentId",
      params: { paymentId: "7f3e0b86-3a5a-4a52-9d3a-0c7b2a1f0002" },
    },
    { to: "/batches/$batchId/rows", params: { batchId: "b2" }, search: { branch: "BRC-9" } },
  ]);
});
