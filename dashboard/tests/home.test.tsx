import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { fireEvent, render, screen, waitFor, within } from "@testing-library/react";
import type { ReactElement } from "react";
import { expect, test, vi } from "vitest";
import { api, type BatchLine } from "../src/api/client";
import { type SignedIn, SignedInContext } from "../src/api/signedIn";
import { Eta, progressOf } from "../src/home/RunCard";
import { nextPayDay, type PayPeriod, payDayState } from "../src/home/payDay";
import { PayDayCard } from "../src/home/PayDayCard";
import { PeriodsCard } from "../src/home/PeriodsCard";
import PutAwayButton from "../src/home/PutAwayButton";
import { overStatus, usePutAway } from "../src/home/putAway";
import { Troubles } from "../src/home/Troubles";
import { Language } from "../src/i18n/i18n";
import { batchWith } from "./fakeBatch";

vi.mock("@tanstack/react-router", async (original) => ({
  ...(await original<object>()),
  Link: ({ children, search }: { children: ReactElement; search?: object }) => (
    <a href={JSON.stringify(search ?? {})}>{children}</a>
  ),
  createLink: () => "a",
}));
vi.mock("../src/home/PeriodsChart", () => ({ default: () => <div data-testid="chart" /> }));

function show(page: ReactElement) {
  const signedIn = { me: { id: "p", name: "P", roles: ["preparer"] } } as unknown as SignedIn;
  return render(
    <QueryClientProvider client={new QueryClient()}>
      <SignedInContext value={signedIn}>
        <Language>{page}</Language>
      </SignedInContext>
    </QueryClientProvider>,
  );
}

const willAnswer = (answers: Record<string, unknown>) =>
  vi
    .spyOn(api, "GET")
    .mockImplementation(((path: string) =>
      Promise.resolve({ data: answers[path], response: new Response() })) as never);

const PERIOD: PayPeriod = {
  first: "2026-11-09",
  last: "2026-11-22",
  upload_by: "2026-11-17T16:30:00Z",
  approve_by: "2026-11-18T16:30:00Z",
  leaves_on: "2026-11-18",
  arrives_on: "2026-11-20",
  approved: false,
  batches: [],
};
const NEXT: PayPeriod = { ...PERIOD, first: "2026-11-23", last: "2026-12-06" };
const BEFORE = Date.parse("2026-11-18T16:30:00Z");

test("the next pay day is that of the first period that nobody approved a roster of", () => {
  expect(nextPayDay([PERIOD, NEXT])).toBe(PERIOD);
  expect(nextPayDay([{ ...PERIOD, approved: true }, NEXT])).toBe(NEXT);
  const both = [
    { ...PERIOD, approved: true },
    { ...NEXT, approved: true },
  ];
  expect(nextPayDay(both)?.first).toBe("2026-11-23");
  expect(nextPayDay([])).toBeUndefined();
});

test("a period is late a moment after its time to approve, unless it is approved", () => {
  const batch = { batch_id: "b", status: "ready", filename: "f.xml" };
  expect(payDayState(PERIOD, BEFORE)).toBe("no-roster");
  expect(payDayState({ ...PERIOD, batches: [batch] }, BEFORE)).toBe("waits");
  expect(payDayState({ ...PERIOD, batches: [batch] }, BEFORE + 1)).toBe("late");
  expect(payDayState({ ...PERIOD, approved: true }, BEFORE + 1)).toBe("approved");
});

test("the card says by when to act and when money moves, and that no time is promised", async () => {
  willAnswer({ "/api/v1/home/pay-days": { today: "2026-11-10", periods: [PERIOD] } });
  show(<PayDayCard />);
  expect(await screen.findByText("Money arrives")).toBeVisible();
  expect(document.querySelector('time[datetime="2026-11-20"]')).toHaveTextContent("Nov 20, 2026");
  expect(screen.getByText(/promises no time/)).toBeVisible();
});

const SUMS = {
  period: "2026-11-09",
  batches: 1,
  batch_ids: ["b1"],
  people: 7,
  paid_count: 8,
  pending_count: 0,
  failed_count: 1,
  returned_count: 0,
  paid_cents: 12_345,
  pending_cents: 0,
  failed_cents: 100,
  returned_cents: 0,
};

test("each figure of a period opens its payments, and the chart can be hidden", async () => {
  willAnswer({ "/api/v1/home/periods": { currency: "USD", items: [SUMS] } });
  show(<PeriodsCard />);
  const table = await screen.findByRole("table");
  const paid = within(table).getByText("$123.45").closest("a");
  expect(paid).toHaveAttribute("href", JSON.stringify({ status: "completed" }));
  expect(within(table).getByText("$1.00").closest("a")).toHaveAttribute(
    "href",
    JSON.stringify({ status: "failed" }),
  );
  expect(await screen.findByTestId("chart")).toBeInTheDocument();
  fireEvent.click(screen.getByRole("button", { pressed: false }));
  expect(screen.queryByTestId("chart")).toBeNull();
  expect(table).toBeVisible();
});

test("figures of several batches are not linked to one of them", async () => {
  willAnswer({
    "/api/v1/home/periods": { currency: "USD", items: [{ ...SUMS, batch_ids: ["b1", "b2"] }] },
  });
  show(<PeriodsCard />);
  const table = await screen.findByRole("table");
  expect(within(table).getByText("$123.45").closest("a")).toBeNull();
});

test("a run is never shown as further than it is", () => {
  expect(progressOf(batchWith("paying", { total: 1000, completed: 999 }).payments)).toEqual({
    done: 999,
    percent: 99,
  });
  expect(progressOf(batchWith("paying", {}).payments).percent).toBe(0);
  const held = batchWith("paying", { total: 2, held: 1, failed: 1 }).payments;
  expect(progressOf(held).done).toBe(1);
});

const line = (status: string) => ({ batch_id: "b1", status, filename: "f.xml" }) as BatchLine;

test("only what nothing waits for can be put away, in the status that was seen", async () => {
  expect(["ready", "paying", "paused"].map((status) => overStatus(line(status)))).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  const post = vi.spyOn(api, "POST").mockResolvedValue({ data: {}, response: new Response() });
  show(<PutAwayButton batch={line("rejected")} />);
  fireEvent.click(await screen.findByRole("button", { name: /^Put f.xml away/ }));
  await waitFor(() =>
    expect(post).toHaveBeenCalledWith("/api/v1/home/put-away", {
      body: { batch_id: "b1", status: "rejected" },
    }),
  );
});

test("what is wrong is said in plain words, and nothing is while all is well", async () => {
  const well = {
    "/api/v1/ops/restored": { services: [], away: [] },
    "/api/v1/ops/limiter": { tiers: [{ tier: "payments", per_min: 1, busy_s: 0, closed_s: 0 }] },
    "/api/v1/reconciliation/breaks": { items: [], next: null, total: 0 },
    "/api/v1/freshness": { checked_at: "2026-11-18T16:30:00Z", figures: [] },
  };
  const get = willAnswer(well);
  const { container, unmount } = show(<Troubles />);
  await waitFor(() =>
    expect(get.mock.calls.map((call: unknown[]) => call[0])).toEqual(
      expect.arrayContaining(Object.keys(well)),
    ),
  );
  expect(container).toBeEmptyDOMElement();
  unmount();
  willAnswer({
    ...well,
    "/api/v1/ops/limiter": { tiers: [{ tier: "payments", per_min: 1, busy_s: 0, closed_s: 9 }] },
    "/api/v1/reconciliation/breaks": { items: [], next: null, total: 2 },
  });
  show(<Troubles />);
  expect(await screen.findByText(/asked us to wait/)).toBeVisible();
  expect(await screen.findByText(/2 differences/)).toBeVisible();
});

function Shown({ status }: { status: string }): ReactElement {
  const isPutAway = usePutAway();
  return <>{isPutAway(line(status)) ? "put away" : "a task"}</>;
}

test("what was put away is a task again when its batch has another status", async () => {
  const items = [{ batch_id: "b1", status: "completed_with_failures" }];
  willAnswer({ "/api/v1/home/put-away": { items } });
  show(
    <>
      <p>
        <Shown status="completed_with_failures" />
      </p>
      <p>
        <Shown status="paying" />
      </p>
    </>,
  );
  expect(await screen.findByText("put away")).toBeVisible();
  expect(screen.getByText("a task")).toBeVisible();
});

test("a run whose payments are all sent is never said to take no time", async () => {
  show(<Eta seconds={0} />);
  expect(await screen.findByText(/The provider has not yet reported/)).toBeVisible();
  expect(screen.queryByText(/0 seconds/)).toBeNull();
});
