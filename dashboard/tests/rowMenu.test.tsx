import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import {
  createMemoryHistory,
  createRootRoute,
  createRoute,
  createRouter,
  RouterProvider,
} from "@tanstack/react-router";
import { render, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, test, vi } from "vitest";
import type { Batch, EmployeeDecision, EmployeeRow, Hold } from "../src/api/client";
import { api } from "../src/api/client";
import type { Person } from "../src/api/session";
import { type SignedIn, SignedInContext } from "../src/api/signedIn";
import type { ShownRow } from "../src/batch/tabs/rows/rowColumns";
import { menuColumn, rowActions } from "../src/batch/tabs/rows/RowMenu";
import { Decided } from "../src/employees/Decided";
import { HoldEmployee } from "../src/employees/HoldEmployee";
import { allMessages, Language, useText } from "../src/i18n/i18n";
import { Grid } from "../src/ui/Grid";

const READY = { batch_id: "b1", status: "ready" } as unknown as Batch;
const ROW = {
  row_id: "r1",
  employee_id: "EMP-1",
  person_id: "p1",
  status: "payable",
  reason_code: "",
} as unknown as ShownRow;
const EXCLUDED = { ...ROW, status: "excluded", reason_code: "already_in_period" } as ShownRow;

function person(...roles: string[]): Person {
  return { id: "peter", name: "Peter", roles } as unknown as Person;
}

const labels = (batch: Batch, me: Person, row: ShownRow) =>
  rowActions(batch, me, row).map(({ label }) => label);

beforeEach(async () => {
  await allMessages;
});

/** Shows an element on a page; the pages of employees and batches show their address. */
async function show(element: React.ReactElement, roles: string[]): Promise<void> {
  const root = createRootRoute();
  const page = createRoute({ getParentRoute: () => root, path: "/", component: () => element });
  const paths = ["/employees/$personId", "/batches/$batchId"] as const;
  const others = paths.map((path) =>
    createRoute({ getParentRoute: () => root, path, component: () => <p>another page</p> }),
  );
  const router = createRouter({
    routeTree: root.addChildren([page, ...others]),
    history: createMemoryHistory({ initialEntries: ["/"] }),
  });
  render(
    <QueryClientProvider client={new QueryClient()}>
      <SignedInContext value={{ me: person(...roles) } as unknown as SignedIn}>
        <Language>
          <RouterProvider router={router} />
        </Language>
      </SignedInContext>
    </QueryClientProvider>,
  );
  await screen.findByTestId("shown");
}

test("each person is offered what this person may do with the row, and no more", () => {
  expect(labels(READY, person("preparer"), ROW)).toEqual([
    "row.exclude",
    "decide.exclude.person",
    "decide.redirect.open",
    "hold.row",
    "row.person",
  ]);
  expect(labels(READY, person("preparer"), EXCLUDED)).not.toContain("decide.redirect.open");
  expect(labels(READY, person("approver"), EXCLUDED)).toContain("row.include");
  expect(labels(READY, person("preparer"), EXCLUDED)).not.toContain("row.include");
  expect(labels({ ...READY, status: "paying" }, person("preparer"), ROW)).toEqual([
    "hold.row",
    "row.person",
  ]);
  expect(labels(READY, person("auditor"), ROW)).toEqual(["row.person"]);
  expect(labels(READY, person("operator"), ROW)).toEqual([]);
  const unreadable = { ...ROW, status: "refused", employee_id: "", person_id: "" } as ShownRow;
  expect(labels(READY, person("preparer"), unreadable)).toEqual(["row.exclude", "hold.row"]);
});

function Rows({ onAsk }: { onAsk: () => void }): React.ReactElement {
  const text = useText();
  const column = menuColumn(text, (row) => rowActions(READY, person("preparer"), row), onAsk);
  return (
    <div data-testid="shown" style={{ width: 600 }}>
      <Grid
        label="rows"
        columns={[column]}
        rows={[ROW]}
        rowId={(row) => row.row_id}
        loading={false}
        sorts={{}}
      />
    </div>
  );
}

test("the menu of a row opens and acts by keyboard alone", async () => {
  const asked = vi.fn();
  await show(<Rows onAsk={asked} />, ["preparer"]);
  const button = await screen.findByRole("button", { name: "Actions" });
  button.focus();
  await userEvent.keyboard("{Enter}");
  const menu = await screen.findByRole("menu");
  expect(within(menu).getAllByRole("menuitem")).toHaveLength(5);
  await userEvent.keyboard("{ArrowDown}{Enter}");
  expect(asked).toHaveBeenCalledExactlyOnceWith({
    act: "exclude",
    target: { employee_id: "EMP-1" },
  });
});

test("the menu opens the page of the person", async () => {
  await show(<Rows onAsk={vi.fn()} />, ["preparer"]);
  await userEvent.click(await screen.findByRole("button", { name: "Actions" }));
  await userEvent.click(await screen.findByRole("menuitem", { name: "Open the person" }));
  expect(await screen.findByText("another page")).toBeVisible();
});

const HOLD = {
  hold_id: "h1",
  kind: "person",
  shown: "employee EMP-1",
  first_day: "2026-11-28",
  last_day: null,
  reason: "court order",
  evidence: "case 7",
  set_by: "peter",
  set_at: "2026-11-28T10:00:00Z",
  lifted_by: "anna",
  lifted_at: "2026-11-29T10:00:00Z",
  lift_reason: "over",
} as Hold;
const DECISION = {
  decision_id: "d1",
  batch_id: "b1",
  filename: "may.xml",
  act: "exclude",
  target: "employee EMP-1",
  reason: "on leave",
  evidence: "",
  decided_by: "paula",
  decided_at: "2026-11-28T10:00:00Z",
  withdrawn_by: null,
  withdrawn_at: null,
} as unknown as EmployeeDecision;

test("holds and decisions are listed with names, reasons and their end", async () => {
  await show(
    <div data-testid="shown">
      <Decided decisions={[DECISION]} holds={[HOLD]} />
    </div>,
    ["auditor"],
  );
  const [holds, decisions] = screen.getAllByRole("table");
  if (!holds || !decisions) throw new Error("a table is missing");
  for (const shown of [/court order · case 7/, /peter/, /Lifted: .*anna.*over/])
    expect(within(holds).getByRole("row", { name: shown })).toBeVisible();
  for (const shown of [/Exclude · employee EMP-1/, /paula/, /on leave/, /In force/])
    expect(within(decisions).getByRole("row", { name: shown })).toBeVisible();
  expect(screen.getByRole("link", { name: "may.xml" })).toHaveAttribute("href", "/batches/b1");
});

test("who may hold people holds the employee of the newest row; who only reads does not", async () => {
  const post = vi.spyOn(api, "POST").mockResolvedValue({
    data: { shown: "employee EMP-1", open_batches: [], approved_batches: [] },
  } as never);
  const held = vi.fn();
  const element = (
    <div data-testid="shown">
      <HoldEmployee row={{ row_id: "r1" } as EmployeeRow} onHeld={held} />
    </div>
  );
  await show(element, ["approver"]);
  await userEvent.click(screen.getByRole("button", { name: /Hold this person/ }));
  await userEvent.type(await screen.findByRole("textbox"), "court order");
  await userEvent.click(screen.getByRole("button", { name: "Hold" }));
  await vi.waitFor(() => expect(held).toHaveBeenCalledOnce());
  expect(post.mock.calls.at(-1)?.[1]).toMatchObject({
    body: { kind: "person", row_id: "r1", reason: "court order", dry_run: false },
  });
});

test("who only reads is not offered to hold anybody", async () => {
  await show(
    <div data-testid="shown">
      <HoldEmployee row={{ row_id: "r1" } as EmployeeRow} onHeld={vi.fn()} />
    </div>,
    ["auditor"],
  );
  expect(screen.queryByRole("button")).toBeNull();
});
