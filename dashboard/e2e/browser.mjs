// Starts Debian's Chromium and opens pages of a running system as one of the demo's people.
import { chromium } from "playwright-core";

export const BASE_URL = process.env.BASE_URL ?? "http://127.0.0.1:8080";
const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

export async function start() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
}

/** A context signed in as a person, in a colour scheme and width. `faults` collects what goes wrong in the page itself. */
export async function as(browser, person, { scheme = "light", width = 1280, height = 900, forcedColors = "none", locale = "en-US" } = {}) {
  const context = await browser.newContext({ baseURL: BASE_URL, viewport: { width, height }, colorScheme: scheme, forcedColors, locale, timezoneId: "America/Chicago", acceptDownloads: true });
  await context.addInitScript((id) => { if (!sessionStorage.getItem("paydown.demo-person")) sessionStorage.setItem("paydown.demo-person", id); }, person);
  const page = await context.newPage();
  const faults = [];
  page.on("pageerror", (error) => faults.push(`error: ${error.message}`));
  page.on("console", (message) => { if (message.type() === "error" && !/status of (4|5)\d\d/.test(message.text())) faults.push(`console: ${message.text()}`); });
  return { context, page, faults };
}

/** Ask the API itself, as one of the demo's people. */
export async function api(person, method, path, body) {
  const response = await fetch(`${BASE_URL}/api/v1${path}`, {
    method, body: body === undefined ? undefined : JSON.stringify(body),
    headers: { Authorization: `Bearer ${person}`, ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
  });
  return { status: response.status, body: await response.json().catch(() => null) };
}

export async function settled(page) {
  await page.waitForLoadState("networkidle", { timeout: 1_200 }).catch(() => undefined); // a live stream never idles
  await page.waitForFunction(() => !/Loading…/.test(document.querySelector("main")?.textContent ?? "Loading…"), undefined, { timeout: 15_000 });
}
