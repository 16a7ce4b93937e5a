// Starts Debian's Chromium and opens pages of a running system as one of the demo's people.
import { chromium } from "playwright-core";

export const BASE_URL = process.env.BASE_URL ?? "http://127.0.0.1:8080";
export const SIMULATOR_URL = process.env.SIMULATOR_URL ?? "http://127.0.0.1:8200";
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const STILL_MS = 60; // a query that begins is told to the page a moment later

export async function start() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: FLAGS,
  });
}

/** A context signed in as a person, in a colour scheme and width. `faults` collects what goes wrong in the page itself. */
export async function as(
  browser,
  person,
  {
    scheme = "light",
    width = 1280,
    height = 900,
    forcedColors = "none",
    locale = "en-US",
    reducedMotion = "no-preference",
  } = {},
) {
  const context = await browser.newContext({
    baseURL: BASE_URL,
    viewport: { width, height },
    colorScheme: scheme,
    forcedColors,
    reducedMotion,
    locale,
    timezoneId: "America/Chicago",
    acceptDownloads: true,
  });
  await context.addInitScript((id) => {
    if (!sessionStorage.getItem("paydown.demo-person"))
      sessionStorage.setItem("paydown.demo-person", id);
  }, person);
  const page = await context.newPage();
  return { context, page, faults: watched(page) };
}

/** What goes wrong in the page itself; a refused or missing answer is no fault of the page. */
export function watched(page) {
  const faults = [];
  page.on("pageerror", (error) => faults.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error" && !/status of (4|5)\d\d|net::ERR_\w+/.test(message.text()))
      faults.push(`console: ${message.text()}`);
  });
  return faults;
}

/** Ask the API itself, as one of the demo's people. */
export async function api(person, method, path, body) {
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

/** Until the page has everything it asked for: nothing in it says `data-loading` any more. */
export async function settled(page) {
  await page.waitForFunction(
    (still) => {
      const now = performance.now();
      if (!document.querySelector("main") || document.querySelector("[data-loading]"))
        window.settledSince = undefined;
      else window.settledSince ??= now;
      return window.settledSince !== undefined && now - window.settledSince > still;
    },
    STILL_MS,
    { timeout: 20_000 },
  );
}
