// Measures how fast the pages are with a large roster: `npm run speed`. ROWS is its size (50,000).
// Run it on a machine that has nothing else to do. Prints the figures; fails above the limits.
import assert from "node:assert/strict";
import { loadavg } from "node:os";
import { basename } from "node:path";
import { callApi, launchBrowser, openPage, waitUntilLoaded } from "./browser.mjs";
import { waitUntil } from "./steps.mjs";
import { acceptCorrections, approveBatch, getBatch, makeRoster, SIMULATOR_URL } from "./system.mjs";

const ROWS = Number(process.env.ROWS ?? "50000");
const REPEATS = 9;
const TABS = 10;
const PAGE_SIZE = 100;
/** Limits of the medians, in milliseconds. */
const LIMITS_MS = {
  "first paint of the static shell": 600,
  "next page of rows": 400,
  "deep link to the last page of rows": 800,
  "next page, sorted by amount": 400,
  "last of ten tabs shows live figures": 8_000,
};
let tooSlow = false;

/** Prints the median and the worst; the median must be within the limit. */
function report(what, times) {
  const sorted = times.toSorted((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)];
  const limit = LIMITS_MS[what];
  const over = limit !== undefined && median > limit;
  tooSlow ||= over;
  const figures = `${String(Math.round(median)).padStart(6)} ms`;
  const worst = `worst ${Math.round(sorted.at(-1))} ms of ${times.length}`;
  const limited = limit === undefined ? "" : `, limit ${limit} ms`;
  console.log(`${what.padEnd(38)} ${figures}, ${worst}${limited}${over ? "  TOO SLOW" : ""}`);
}

/** How long something takes, in milliseconds. */
async function measure(work) {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

const seconds = (ms) => `${(ms / 1_000).toFixed(1)} s`;
const reportLoad = (when) => console.log(`load of the machine ${when}: ${loadavg()[0].toFixed(2)}`);

/** Uploads a roster in the browser and returns the batch once it is ready. */
async function uploadRoster(page) {
  const file = makeRoster(ROWS, `speed-${ROWS}.xml`);
  await page.goto("/upload");
  const inspecting = await measure(async () => {
    await page.setInputFiles("input[type=file]", file);
    await page.getByRole("heading", { name: basename(file) }).waitFor({ timeout: 60_000 });
  });
  const processing = await measure(async () => {
    await page.getByRole("button", { name: "Upload", exact: true }).click();
    await page
      .getByText("No money has gone out: another person has to approve")
      .waitFor({ timeout: 600_000 });
  });
  console.log(`${ROWS} rows: hashed and compressed in the browser in ${seconds(inspecting)}`);
  console.log(`${ROWS} rows: sent, read and checked in ${seconds(processing)} more`);
  const { body } = await callApi("demo-preparer", "GET", "/batches?limit=1");
  return body.items[0];
}

/** Waits until the system no longer prepares people and accounts of the batch at the provider. */
async function waitUntilPrepared() {
  let [before, unchanged] = [-1, 0];
  await waitUntil(
    "the batch is prepared",
    async () => {
      const { calls } = await (await fetch(`${SIMULATOR_URL}/_simulator/books`)).json();
      const count = Object.values(calls).reduce((sum, n) => sum + n, 0);
      unchanged = count === before ? unchanged + 1 : 0;
      before = count;
      return unchanged >= 6;
    },
    600,
  );
}

/** When the browser first paints something, while no script is loaded. */
async function firstPaint(browser) {
  const { context, page } = await openPage(browser, "demo-preparer");
  await page.route(/\.js$/, (route) => route.abort());
  await page.goto("/");
  await page.getByText("Opening this page does not move any money.").waitFor();
  const time = await waitUntil("something is painted", () =>
    page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime),
  );
  await context.close();
  return time;
}

/** Waits until the first row of the grid is the one with this number. */
function waitForFirstRow(page, row) {
  return page.waitForFunction(
    (number) =>
      !document.querySelector("[data-loading]") &&
      document
        .querySelector('[data-rowindex="0"] [data-field="file_row"]')
        ?.textContent?.replaceAll(",", "") === String(number),
    row,
    { polling: "raf", timeout: 20_000 },
  );
}

async function measureNextPages(page, path) {
  const times = [];
  await page.goto(path);
  await waitForFirstRow(page, 1);
  for (let n = 1; n <= REPEATS; n += 1)
    times.push(
      await measure(async () => {
        await page.getByRole("button", { name: "Next" }).click();
        await waitForFirstRow(page, n * PAGE_SIZE + 1);
      }),
    );
  report("next page of rows", times);
}

async function measureSortedPages(page, path) {
  const times = [];
  await page.goto(`${path}?sort=-amount_cents`);
  await waitUntilLoaded(page);
  for (let n = 2; n <= REPEATS + 1; n += 1)
    times.push(
      await measure(async () => {
        await page.getByRole("button", { name: "Next" }).click();
        await page.waitForURL(new RegExp(`page=${n}\\b`));
        await page.waitForFunction(() => !document.querySelector("[data-loading]"), undefined, {
          polling: "raf",
        });
      }),
    );
  report("next page, sorted by amount", times);
}

async function measureDeepLinks(page, path, total) {
  const times = [];
  const lastPage = Math.ceil(total / PAGE_SIZE);
  for (let n = 0; n < REPEATS; n += 1) {
    await page.goto("about:blank");
    times.push(
      await measure(async () => {
        await page.goto(`${path}?page=${lastPage}`, { waitUntil: "commit" });
        await waitForFirstRow(page, (lastPage - 1) * PAGE_SIZE + 1);
      }),
    );
  }
  report("deep link to the last page of rows", times);
}

/** Opens ten tabs on the live figures of a batch; all of them must share one stream. */
async function measureLiveTabs(browser, batchId) {
  const { context } = await openPage(browser, "demo-approver");
  let streams = 0;
  context.on("request", (request) => {
    if (/\/api\/.*\/live$/.test(request.url())) streams += 1;
  });
  const times = [];
  for (let n = 0; n < TABS; n += 1) {
    const tab = await context.newPage();
    times.push(
      await measure(async () => {
        await tab.goto(`/batches/${batchId}/live`);
        await tab.getByText(/payments have ended \(/).waitFor({ timeout: 30_000 });
      }),
    );
  }
  report("last of ten tabs shows live figures", times.slice(-1));
  report("each of ten tabs shows live figures", times);
  assert.equal(streams, 1, `${TABS} tabs hold ${streams} streams`);
  await context.close();
}

reportLoad("at the start");
const browser = await launchBrowser();
const { context, page } = await openPage(browser, "demo-preparer");
const { batch_id: batchId, rows } = await uploadRoster(page);
await waitUntilPrepared();
reportLoad("when the batch is prepared");

const paints = [];
for (let n = 0; n < REPEATS; n += 1) paints.push(await firstPaint(browser));
report("first paint of the static shell", paints);
const rowsPath = `/batches/${batchId}/rows`;
await measureNextPages(page, rowsPath);
await measureSortedPages(page, rowsPath);
await measureDeepLinks(page, rowsPath, rows.total);
await context.close();

const batch = await getBatch(batchId);
await approveBatch(
  batch.corrections_offered.length > 0 ? await acceptCorrections(batch, 600) : batch,
);
await measureLiveTabs(browser, batchId);
await callApi("demo-approver", "POST", `/batches/${batchId}/cancel`, {
  reason: "it was made to be measured",
});
await browser.close();
reportLoad("at the end");
process.exit(tooSlow ? 1 : 0);
