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
import { afterEach, expect, test, vi } from "vitest";
import type { Batch } from "../src/api/client";
import type { Person } from "../src/api/session";
import { type SignedIn, SignedInContext } from "../src/api/signedIn";
import { BatchContext } from "../src/batch/BatchContext";
import { ChildBatches } from "../src/batch/ChildBatches";
import { RefusedRowsFile } from "../src/batch/RefusedRowsFile";
import { allMessages, Language } from "../src/i18n/i18n";

const BATCH = {
  batch_id: "b1",
  status: "paying",
  child_batches: [
    {
      batch_id: "b2",
      filename: "mended.xml",
      status: "ready",
      is_mended: true,
      rows: 2,
      amount_cents: 1903,
      uploaded_by: "paula",
      uploaded_at: "2026-11-28T10:00:00Z",
    },
  ],
} as unknown as Batch;

afterEach(() => vi.restoreAllMocks());

/** Shows both parts of the batch's page; the page of another batch shows its id. */
async function show(roles: string[], batch: Batch = BATCH): Promise<void> {
  await allMessages;
  const me = { id: "paula", name: "Paula", roles } as unknown as Person;
  const root = createRootRoute();
  const page = createRoute({
    getParentRoute: () => root,
    path: "/",
    component: () => (
      <BatchContext value={{ batch, reload: vi.fn() }}>
        <ChildBatches batch={batch} />
        <RefusedRowsFile />
      </BatchContext>
    ),
  });
  const other = createRoute({
    getParentRoute: () => root,
    path: "/batches/$batchId",
    component: () => <p>page of {other.useParams().batchId}</p>,
  });
  const router = createRouter({
    routeTree: root.addChildren([page, other]),
    history: createMemoryHistory({ initialEntries: ["/"] }),
  });
  render(
    <QueryClientProvider client={new QueryClient()}>
      <SignedInContext value={{ me } as unknown as SignedIn}>
        <Language>
          <RouterProvider router={router} />
        </Language>
      </SignedInContext>
    </QueryClientProvider>,
  );
  await screen.findByRole("table");
}

const uploadButton = () => screen.queryByRole("button", { name: /Upload mended rows/ });

test("a preparer saves the file, and uploads it once the batch is approved", async () => {
  await show(["preparer"]);
  expect(screen.getByRole("button", { name: /Download them to mend/ })).toBeVisible();
  expect(uploadButton()).toBeVisible();
});

test.each(["operator", "approver", "auditor"])(
  "there is nothing to save for an %s",
  async (role) => {
    await show([role]);
    expect(screen.queryByRole("button")).toBeNull();
  },
);

test("rows of a batch that is not approved cannot be paid beside it", async () => {
  await show(["preparer"], { ...BATCH, status: "ready" });
  expect(uploadButton()).toBeNull();
});

test("children are listed with a link, what they are, and their money", async () => {
  await show(["auditor"]);
  expect(screen.getByRole("link", { name: "mended.xml" })).toHaveAttribute("href", "/batches/b2");
  expect(screen.getByText("Refused rows, mended")).toBeVisible();
  expect(screen.getByText("$19.03")).toBeVisible();
});

test("a mended file becomes a batch whose page opens; the same file has one key", async () => {
  const send = vi
    .spyOn(globalThis, "fetch")
    .mockRejectedValueOnce(new TypeError("no network"))
    .mockImplementation(() => Promise.resolve(Response.json({ batch_id: "b3" }, { status: 202 })));
  await show(["preparer"]);
  fireEvent.click(uploadButton() as HTMLElement);
  const act = await screen.findByRole("button", { name: "Upload" });
  expect(act).toBeDisabled();
  const file = new File(["<root/>"], "mended rows.xml");
  await userEvent.upload(screen.getByLabelText(/The file of refused rows/), file);
  fireEvent.click(act);
  await waitFor(() => expect(screen.getByRole("alert")).toBeVisible());
  fireEvent.click(act);
  expect(await screen.findByText("page of b3")).toBeVisible();
  expect(send).toHaveBeenCalledTimes(2);
  const [first, second] = send.mock.calls;
  expect(first?.[0]).toBe("/api/v1/batches/b1/mended-rows?filename=mended+rows.xml");
  expect(first?.[1]).toMatchObject({ method: "POST", body: file });
  expect(second?.[1]?.headers).toEqual(first?.[1]?.headers);
  expect(first?.[1]?.headers).toMatchObject({ "Idempotency-Key": expect.stringMatching(/-/) });
});
