// Opens every page in light, dark, forced colors, 320 px and Spanish, and every state of it in
// light, dark and 320 px. Each time axe must find nothing, nothing may be cut off sideways, and the
// page may report no error. `npm run accessibility -- NAME…` checks only these pages.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { launchBrowser, openPage, waitUntilLoaded } from "./browser.mjs";
import { listPages } from "./pages.mjs";
import { openInState, shortenRetries, STATES_OF_PAGE } from "./pageStates.mjs";

const axe = readFileSync(new URL("../node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const ALL_RULES = {
  type: "tag",
  values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
};
/** The rules whose result another color scheme can change. */
const COLOR_RULES = { type: "rule", values: ["color-contrast", "link-in-text-block"] };
/** The rules whose result another width can change. */
const SIZE_RULES = {
  type: "rule",
  values: ["color-contrast", "target-size", "scrollable-region-focusable", "landmark-unique"],
};
const WIDE = { width: 1280, height: 900 };
const NARROW = { width: 320, height: 640 };
const LIGHT = { colorScheme: "light", forcedColors: "none" };
const DARK = { colorScheme: "dark", forcedColors: "none" };
const FORCED = { colorScheme: "dark", forcedColors: "active" };
const PAGE_LOOKS = [
  { name: "light", media: LIGHT, size: WIDE, rules: ALL_RULES },
  { name: "dark", media: DARK, size: WIDE, rules: ALL_RULES },
  { name: "forced", media: FORCED, size: WIDE, rules: ALL_RULES },
  { name: "320", media: LIGHT, size: NARROW, rules: ALL_RULES },
];
const STATE_LOOKS = [
  { name: "light", media: LIGHT, size: WIDE, rules: ALL_RULES },
  { name: "dark", media: DARK, size: WIDE, rules: COLOR_RULES },
  { name: "320", media: LIGHT, size: NARROW, rules: SIZE_RULES },
];

const chosenNames = process.argv.slice(2);
const browser = await launchBrowser();
const windows = new Map();
let viewCount = 0;
let faultCount = 0;

/** Counts one view, and prints its faults. */
function report(view, faults) {
  viewCount += 1;
  faultCount += faults.length;
  if (faults.length > 0) console.log(`${view}:\n  ${faults.join("\n  ")}`);
}

/** A window that is opened once for each key, and used for one page after another. */
async function windowOf(key, open) {
  if (!windows.has(key)) windows.set(key, await open());
  return windows.get(key);
}

/** Reduced motion, because colors that still move cannot be measured. */
const STILL = { reducedMotion: "reduce" };

const pageWindow = (person) => windowOf(person, () => openPage(browser, person, STILL));
const stateWindow = (person) =>
  windowOf(`${person} states`, async () => {
    const opened = await openPage(browser, person, STILL);
    await shortenRetries(opened.context);
    return opened;
  });
const spanishWindow = (person) =>
  windowOf(`${person} es-US`, async () => {
    const opened = await openPage(browser, person, { ...STILL, viewport: NARROW });
    await opened.context.addInitScript(() => localStorage.setItem("paydown.locale", "es-US"));
    return opened;
  });

/** Two frames, so that a change of size or colors has been painted. */
const waitForPaint = (page) =>
  page.evaluate(
    () =>
      new Promise((resolve) => {
        requestAnimationFrame(() => requestAnimationFrame(resolve));
      }),
  );

async function findCutOff(page) {
  const pixels = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  return pixels > 0 ? [`${pixels} px are cut off sideways`] : [];
}

async function findViolations(page, rules) {
  const result = await page.evaluate(
    (runOnly) => globalThis.axe.run(document, { runOnly, resultTypes: ["violations"] }),
    rules,
  );
  return result.violations.map(
    ({ id, nodes }) => `${id} (${nodes.length}): ${nodes[0].html.slice(0, 160)}`,
  );
}

/** Checks the page that a window shows, in each look. */
async function checkLooks(name, { page, errors }, looks) {
  await page.evaluate(axe);
  for (const look of looks) {
    await page.emulateMedia(look.media);
    await page.setViewportSize(look.size);
    await waitForPaint(page);
    report(`${name} ${look.name}`, [
      ...(await findViolations(page, look.rules)),
      ...errors.splice(0),
      ...(await findCutOff(page)),
    ]);
  }
}

async function checkPage([name, path, person]) {
  const opened = await pageWindow(person);
  await opened.page.goto(path);
  await waitUntilLoaded(opened.page);
  await checkLooks(name, opened, PAGE_LOOKS);
}

async function checkState([name, path, person], state, requests) {
  const opened = await stateWindow(person);
  try {
    await openInState(opened.page, path, state, requests);
  } catch (error) {
    const shown = await opened.page
      .locator("main")
      .textContent()
      .catch(() => "");
    const reason = String(error).split("\n")[0];
    report(`${name} ${state}`, [
      `does not show this state: ${reason}`,
      (shown ?? "").slice(0, 200),
    ]);
    return;
  }
  await checkLooks(`${name} (${state})`, opened, STATE_LOOKS);
}

/** Spanish has longer words: at 320 px nothing may be cut off. */
async function checkSpanish([name, path, person]) {
  const { page, errors } = await spanishWindow(person);
  await page.goto(path);
  await waitUntilLoaded(page);
  const language = await page.evaluate(() => document.documentElement.lang);
  report(`${name} es-US 320`, [
    ...errors.splice(0),
    ...(await findCutOff(page)),
    ...(language === "es-US" ? [] : [`it is in ${language}`]),
  ]);
}

/** Checks `waitUntilLoaded` itself: a page is not loaded while an answer is held back. */
async function checkWaiting() {
  const { page } = await pageWindow("demo-preparer");
  const heldBack = [];
  await page.route(/\/api\/v1\/batches\?/, (route) => {
    heldBack.push(route);
  });
  await page.goto("/batches");
  const first = await Promise.race([
    waitUntilLoaded(page).then(() => "loaded"),
    page.waitForTimeout(1_000).then(() => "waiting"),
  ]);
  assert.equal(first, "waiting", "a page that still loads was taken for loaded");
  await Promise.all(heldBack.splice(0).map((route) => route.continue()));
  await page.unrouteAll({ behavior: "ignoreErrors" });
  await waitUntilLoaded(page);
}

await checkWaiting();
// One after another: side by side the checks are too much for two cores.
const pages = (await listPages()).filter(
  ([name]) => chosenNames.length === 0 || chosenNames.includes(name),
);
for (const page of pages) await checkPage(page);
for (const page of pages) await checkSpanish(page);
for (const page of pages)
  for (const state of STATES_OF_PAGE.get(page[0]) ?? []) await checkState(page, state);
if (chosenNames.length === 0) {
  for (const state of ["loading", "away", "no-network"])
    await checkState(["sign-in", "/", "demo-preparer"], state, /\/api\/v1\/(me|session)$/);
}
await browser.close();
console.log(`${viewCount} views of pages, ${faultCount} faults`);
process.exit(faultCount > 0 ? 1 : 0);
