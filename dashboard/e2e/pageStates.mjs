// Brings a page into each state it has: loading, empty, and four kinds of errors. The answers are
// made here; everything else is the running system's.
import { waitUntilLoaded } from "./browser.mjs";

const REQUEST_ID = "01J0000000000000";
const PROBLEMS = {
  away: {
    status: 503,
    code: "gateway.away",
    title: "A part of the system is away.",
    detail: "A part of the system does not answer.",
    money: "No. Only reading failed.",
    action: "Try again in a minute.",
    request_id: REQUEST_ID,
  },
  forbidden: {
    status: 403,
    code: "gateway.forbidden",
    title: "Not allowed.",
    detail: "Your role does not read this.",
    money: "No.",
    action: "Ask an administrator.",
    request_id: REQUEST_ID,
  },
  missing: {
    status: 404,
    code: "gateway.unknown",
    title: "There is no such thing.",
    detail: "There is no such thing.",
    money: "No.",
    action: "Look at the list.",
    request_id: REQUEST_ID,
  },
};
/** An empty answer of every list. */
const EMPTY = {
  items: [],
  next: null,
  total: 0,
  away: [],
  services: [],
  tiers: [],
  verified: true,
  first_broken: null,
  against: null,
  counts: {},
  months: [],
  version: 0,
  lines: [],
  versions: [],
  periods: [],
  sources: [],
  steps: [],
  before: null,
  after: null,
  more: false,
};

const answerProblem = (problem) => (route) =>
  route.fulfill({
    status: problem.status,
    contentType: "application/problem+json",
    body: JSON.stringify(problem),
  });
const waitFor = (page, selector) =>
  page.locator(`main ${selector}`).first().waitFor({ timeout: 8_000 });
const waitForError = (page) => waitFor(page, "[role=alert], [data-unavailable]");
/** The loading sign appears after 250 ms. */
const waitForLoadingSign = (page) =>
  waitFor(page, "[data-loading]").then(() => page.waitForTimeout(320));

/** For each state: how a request is answered, and what the page then has to show. */
const STATES = {
  loading: { answer: () => new Promise(() => undefined), waitForState: waitForLoadingSign },
  empty: { answer: (route) => route.fulfill({ json: EMPTY }), waitForState: waitUntilLoaded },
  away: { answer: answerProblem(PROBLEMS.away), waitForState: waitForError },
  "no-network": { answer: (route) => route.abort("connectionfailed"), waitForState: waitForError },
  forbidden: { answer: answerProblem(PROBLEMS.forbidden), waitForState: waitForError },
  missing: {
    answer: answerProblem(PROBLEMS.missing),
    waitForState: (page) => waitFor(page, "[role=alert]"),
  },
};

const LIST = ["loading", "empty", "away", "no-network"];
const DETAILS = ["loading", "away", "no-network", "forbidden", "missing"];
/** Which states a page has, by its name in pages.mjs. */
export const STATES_OF_PAGE = new Map(
  Object.entries({
    home: LIST,
    "home-operator": ["away"],
    batches: LIST,
    overview: DETAILS,
    rows: LIST,
    checks: ["loading", "away", "no-network"],
    changes: LIST,
    "live-ended": ["away", "forbidden"],
    payments: LIST,
    failures: LIST,
    activity: ["loading", "empty", "away"],
    payment: DETAILS,
    employee: DETAILS,
    loan: DETAILS,
    ledger: LIST,
    journals: LIST,
    finance: LIST,
    reconciliation: LIST,
    operations: LIST,
    audit: [...LIST, "forbidden"],
    tokens: [...LIST, "forbidden"],
  }),
);

const ONE_BATCH = /^\/api\/v1\/batches\/[0-9a-f-]{36}$/;
const OF_THE_FRAME = /^\/api\/v1\/(session|me|ops\/kill-switch)$/;

/** Whether a request is one of the page itself. A batch's tab also needs its batch, which is there. */
function requestsOf(path) {
  const isTab = /^\/batches\/[^/]+\/[a-z]/.test(path);
  return (url) =>
    url.pathname.startsWith("/api/v1/") &&
    !OF_THE_FRAME.test(url.pathname) &&
    !(isTab && ONE_BATCH.test(url.pathname));
}

/** Opens a page in a state and leaves it there. `requests` are those that are answered here. */
export async function openInState(page, path, state, requests = requestsOf(path)) {
  const { answer, waitForState } = STATES[state];
  await page.unrouteAll({ behavior: "ignoreErrors" });
  await page.route(requests, answer);
  await page.goto(path);
  await waitForState(page);
}

/** Makes waits of 1 to 8 s fifty times shorter: three tries before an error take 7 s otherwise. */
export async function shortenRetries(context) {
  await context.addInitScript(() => {
    const setTimeoutBefore = window.setTimeout.bind(window);
    window.setTimeout = (work, ms, ...args) =>
      setTimeoutBefore(work, ms >= 1_000 && ms <= 8_000 ? ms / 50 : ms, ...args);
  });
}
