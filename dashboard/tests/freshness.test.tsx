import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render, screen } from "@testing-library/react";
import type { ReactElement } from "react";
import { beforeAll, expect, test } from "vitest";
import {
  answerBefore,
  BATCH_FIGURES,
  freshnessOf,
  type PartBehind,
  remember,
} from "../src/api/freshness";
import { queryClient } from "../src/api/queryClient";
import { AgeOfFigures } from "../src/app/FiguresAge";
import { oldestRead, servicesOn } from "../src/app/figures";
import { ConnectionNotice } from "../src/batch/tabs/live/ConnectionNotice";
import { allMessages, Language } from "../src/i18n/i18n";

const NOW = Date.parse("2026-11-28T12:00:00Z");
const at = (secondsAgo: number) => new Date(NOW - secondsAgo * 1_000).toISOString();
const standing: PartBehind = {
  service: "reports",
  step: "apply",
  topic: "status-events",
  since: at(600),
};
const answer = (reports: { as_of: string | null; behind: PartBehind[] }) => ({
  checked_at: at(0),
  figures: [
    { service: "ingest", as_of: at(2), behind: [] },
    { service: "dispatcher", as_of: at(4), behind: [] },
    { service: "reports", ...reports },
  ],
});
beforeAll(() => allMessages);

function show(page: ReactElement): string {
  const { container } = render(
    <QueryClientProvider client={new QueryClient()}>
      <Language>{page}</Language>
    </QueryClientProvider>,
  );
  return container.textContent;
}

test("the figures of a page are as old as the oldest of its services", () => {
  const found = freshnessOf(answer({ as_of: at(6), behind: [] }), 0, BATCH_FIGURES);
  expect(found).toEqual({ asOf: NOW - 6_000, ageMs: 6_000, behind: [] });
  expect(freshnessOf(answer({ as_of: at(6), behind: [] }), 0, ["ingest"]).asOf).toBe(NOW - 2_000);
});

test("an answer that is old, missing or without a service says nothing about now", () => {
  const unknown = { asOf: null, ageMs: null, behind: [] };
  const good = answer({ as_of: at(6), behind: [] });
  expect(freshnessOf(good, 31_000, BATCH_FIGURES)).toEqual(unknown);
  expect(freshnessOf(undefined, 0, BATCH_FIGURES)).toEqual(unknown);
  expect(freshnessOf(good, 0, ["ledger"])).toEqual(unknown);
});

test("fresh figures have one quiet line with their moment to the second", () => {
  const fresh = freshnessOf(answer({ as_of: at(6), behind: [] }), 0, BATCH_FIGURES);
  const words = show(<AgeOfFigures freshness={fresh} readAt={NOW - 9_000} now={NOW} />);
  expect(words).toMatch(/Figures as of Nov \d+, 2026, \d+:59:51/); // when the page read them
  expect(screen.queryByRole("status")).toBeNull();
});

test("old figures name the part that stands behind and since when", () => {
  const old = freshnessOf(answer({ as_of: at(600), behind: [standing] }), 0, BATCH_FIGURES);
  const words = show(<AgeOfFigures freshness={old} readAt={NOW} now={NOW} />);
  expect(screen.getByRole("status")).toBeVisible();
  expect(words).toMatch(/not up to date: they are as of Nov \d+, 2026, \d+:50:00/);
  expect(words).toContain("“reports” has not read everything of “status-events”");
  expect(words).toContain("Money may have gone out");
});

test("figures that were read while a part stood behind are old until they are read again", () => {
  const fresh = { asOf: NOW - 31_000, ageMs: 31_000, behind: [] };
  const words = show(<AgeOfFigures freshness={fresh} readAt={NOW} now={NOW} />);
  expect(words).toContain("not up to date");
});

test("a service that is away and one that did not publish have their own words", () => {
  const behind: PartBehind[] = [
    { service: "dispatcher", step: "answer", topic: "", since: null },
    { service: "ledger", step: "publish", topic: "", since: at(90) },
  ];
  const old = freshnessOf(answer({ as_of: null, behind }), 0, BATCH_FIGURES);
  const words = show(<AgeOfFigures freshness={old} readAt={NOW} now={NOW} />);
  expect(words).toContain("It is not known as of when these figures are.");
  expect(words).toContain("“dispatcher” does not answer. It was last heard at: not known.");
  expect(words).toContain("“ledger” has not passed on everything.");
});

test("a page that could not be read again says so after 30 seconds", () => {
  const fresh = { asOf: NOW - 1_000, ageMs: 1_000, behind: [] };
  const { rerender, container } = render(
    <Language>
      <AgeOfFigures freshness={fresh} readAt={NOW - 30_000} now={NOW} />
    </Language>,
  );
  expect(container.textContent).not.toContain("could not be read again");
  rerender(
    <Language>
      <AgeOfFigures freshness={fresh} readAt={NOW - 31_000} now={NOW} />
    </Language>,
  );
  expect(container.textContent).toContain("could not be read again");
});

test("every page with figures of others has an age, and the other pages have none", () => {
  for (const path of ["/", "/batches", "/batches/b/live", "/batches/b", "/payments/p"])
    expect(servicesOn(path)).toEqual(BATCH_FIGURES);
  for (const path of ["/ledger", "/ledger/journals", "/reconciliation"])
    expect(servicesOn(path)).toEqual(["ledger"]);
  expect(servicesOn("/operations")).toHaveLength(4);
  for (const path of ["/upload", "/audit", "/settings", "/settings/tokens"])
    expect(servicesOn(path)).toEqual([]);
});

const entry = (path: string, seconds: number, more = {}) => ({
  queryKey: ["get", path, {}],
  state: { data: {}, dataUpdatedAt: seconds },
  ...more,
});

test("the oldest answer on the page counts, and not what the frame reads", () => {
  const cache = {
    findAll: () => [
      entry("/api/v1/batches", 500),
      entry("/api/v1/ops/limiter", 400),
      entry("/api/v1/ops/kill-switch", 1),
      entry("/api/v1/freshness", 2),
      entry("", 3, { queryKey: ["grouped-rows", "b"] }),
    ],
  } as unknown as Parameters<typeof oldestRead>[0];
  expect(oldestRead(cache)).toBe(400);
  expect(oldestRead({ findAll: () => [] })).toBeNull();
});

test("what a page shows is read again before it is 30 seconds old", () => {
  expect(queryClient.getDefaultOptions().queries?.refetchInterval).toBeLessThan(25_000);
});

test("a page is never live while a part of the system stands behind", () => {
  const live = { figures: null, receivedAt: NOW, connection: "connected", points: [] } as const;
  const words = (behind: boolean) =>
    show(<ConnectionNotice live={{ ...live, points: [] }} status="paying" behind={behind} />);
  expect(words(false)).toMatch(/^Live\./);
  expect(words(true)).toMatch(/^Not live: a part of the system is behind/);
});

test("figures are no newer than what was known when they were read", () => {
  const kept: Parameters<typeof remember>[0] = [];
  const behind = answer({ as_of: at(600), behind: [standing] });
  const caughtUp = answer({ as_of: at(1), behind: [] });
  remember(kept, behind, 1_000);
  remember(kept, behind, 1_000); // once, however often the page is drawn
  remember(kept, caughtUp, 11_000);
  expect(kept).toHaveLength(2);
  expect(answerBefore(kept, 5_000)?.answer).toBe(behind); // read before the service had caught up
  expect(answerBefore(kept, 11_000)?.answer).toBe(caughtUp);
  expect(answerBefore(kept, 900)?.answer).toBe(behind);
  expect(answerBefore(kept, null)?.answer).toBe(caughtUp);
  for (let n = 0; n < 40; n += 1) remember(kept, caughtUp, 20_000 + n);
  expect(kept).toHaveLength(12);
});
