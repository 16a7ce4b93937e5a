// Starts Debian's Chromium and opens pages of a running system as one of the demo's people.
import { chromium } from "playwright-core";

export const BASE_URL = process.env.BASE_URL ?? "http://127.0.0.1:8080";
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
/** A query that begins is written into the page a moment later, so the page must stay loaded so long. */
const LOADED_FOR_MS = 60;

export function launchBrowser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: FLAGS,
  });
}

export const DESKTOP = { width: 1280, height: 900 };

/**
 * A page of a person, in a browser context of its own. `options` are Playwright's. `errors` collects
 * the errors of the page itself.
 */
export async function openPage(browser, person, options = {}) {
  const context = await browser.newContext({
    baseURL: BASE_URL,
    viewport: DESKTOP,
    locale: "en-US",
    timezoneId: "America/Chicago",
    acceptDownloads: true,
    ...options,
  });
  await context.addInitScript((id) => {
    if (!sessionStorage.getItem("paydown.demo-person"))
      sessionStorage.setItem("paydown.demo-person", id);
  }, person);
  const page = await context.newPage();
  return { context, page, errors: collectErrors(page) };
}

/** Uncaught errors and console errors of a page. A refused or missing answer is none of them. */
function collectErrors(page) {
  const errors = [];
  page.on("pageerror", (error) => errors.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error" && !/status of (4|5)\d\d|net::ERR_\w+/.test(message.text()))
      errors.push(`console: ${message.text()}`);
  });
  return errors;
}

/** A request to the API as one of the demo's people. */
export async function callApi(person, method, path, body) {
  const response = await fetch(`${BASE_URL}/api/v1${path}`, {
    method,
    body: body === undefined ? undefined : JSON.stringify(body),
    headers: {
      Authorization: `Bearer ${person}`,
      ...(body === undefined ? {} : { "Content-Type": "application/json" }),
    },
  });
  return { status: response.status, body: await response.json().catch(() => null) };
}

/** Waits until the page has everything it fetches: no element is marked `data-loading` any more. */
export async function waitUntilLoaded(page) {
  await page.waitForFunction(
    (loadedFor) => {
      const now = performance.now();
      if (!document.querySelector("main") || document.querySelector("[data-loading]"))
        window.loadedSince = undefined;
      else window.loadedSince ??= now;
      return window.loadedSince !== undefined && now - window.loadedSince > loadedFor;
    },
    LOADED_FOR_MS,
    { timeout: 20_000 },
  );
}
