// What a page looks like while there is no answer yet, when there is nothing, and when the answer is a refusal, an outage or none at all.
// The answers are made here; everything around them is the running system's.
import { settled } from "./browser.mjs";

const PROBLEMS = {
  away: [
    503,
    {
      code: "gateway.away",
      title: "A part of the system is away.",
      detail: "A part of the system does not answer.",
      money: "No. Only reading failed.",
      action: "Try again in a minute.",
      request_id: "01J0000000000000",
    },
  ],
  forbidden: [
    403,
    {
      code: "gateway.forbidden",
      title: "Not allowed.",
      detail: "Your role does not read this.",
      money: "No.",
      action: "Ask an administrator.",
      request_id: "01J0000000000000",
    },
  ],
  missing: [
    404,
    {
      code: "gateway.unknown",
      title: "There is no such thing.",
      detail: "There is no such thing.",
      money: "No.",
      action: "Look at the list.",
      request_id: "01J0000000000000",
    },
  ],
};
const NOTHING = {
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
};
const BATCH = /^\/api\/v1\/batches\/[0-9a-f-]{36}$/;
const NOT_OF_THE_PAGE = /^\/api\/v1\/(session|me|ops\/kill-switch)$/;

/** The requests of a page itself: a batch's tab also needs its batch, which is then there. */
export function ownOf(path) {
  const ofTab = /^\/batches\/[^/]+\/[a-z]/.test(path);
  return (url) =>
    url.pathname.startsWith("/api/v1/") &&
    !NOT_OF_THE_PAGE.test(url.pathname) &&
    !(ofTab && BATCH.test(url.pathname));
}

const problem = (route, [status, body]) =>
  route.fulfill({
    status,
    contentType: "application/problem+json",
    body: JSON.stringify({ status, ...body }),
  });
const shown = (page, selector) =>
  page.locator(`main ${selector}`).first().waitFor({ timeout: 8_000 });

/** Of each state: how a request is answered, and what the page must show then. */
export const STATES = {
  loading: {
    answer: () => new Promise(() => undefined),
    shows: (page) => shown(page, "[data-loading]").then(() => page.waitForTimeout(320)),
  }, // said after 250 ms
  empty: { answer: (route) => route.fulfill({ json: NOTHING }), shows: settled },
  away: {
    answer: (route) => problem(route, PROBLEMS.away),
    shows: (page) => shown(page, "[role=alert], [data-unavailable]"),
  },
  cut: {
    answer: (route) => route.abort("connectionfailed"),
    shows: (page) => shown(page, "[role=alert], [data-unavailable]"),
  },
  forbidden: {
    answer: (route) => problem(route, PROBLEMS.forbidden),
    shows: (page) => shown(page, "[role=alert], [data-unavailable]"),
  },
  missing: {
    answer: (route) => problem(route, PROBLEMS.missing),
    shows: (page) => shown(page, "[role=alert]"),
  },
};

/** Which states the pages have, by their names in pages.mjs. `unsigned` is before anybody is signed in. */
const LIST = ["loading", "empty", "away", "cut"];
const ONE = ["loading", "away", "cut", "forbidden", "missing"];
export const HAS = new Map(
  Object.entries({
    home: LIST,
    "home-operator": ["away"],
    batches: LIST,
    overview: ONE,
    rows: LIST,
    checks: ["loading", "away", "cut"],
    changes: LIST,
    "live-ended": ["away", "forbidden"],
    payments: LIST,
    failures: LIST,
    activity: ["loading", "empty", "away"],
    payment: ONE,
    ledger: LIST,
    journals: LIST,
    reconciliation: LIST,
    operations: LIST,
    audit: [...LIST, "forbidden"],
    tokens: [...LIST, "forbidden"],
  }),
);

/** Shows a page in a state; the page is left as it is then. */
export async function inState(page, path, state, own = ownOf(path)) {
  const { answer, shows } = STATES[state];
  await page.unrouteAll({ behavior: "ignoreErrors" });
  await page.route(own, answer);
  await page.goto(path);
  await shows(page);
}

/** Waits of a second and more are short: what is asked three times before an error is said need not take seven seconds here. */
export async function hurried(context) {
  await context.addInitScript(() => {
    const wait = window.setTimeout.bind(window);
    window.setTimeout = (work, ms, ...more) =>
      wait(work, ms >= 1_000 && ms <= 8_000 ? ms / 50 : ms, ...more);
  });
}
