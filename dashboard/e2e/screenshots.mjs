// Takes a picture of every page of a running system, in light and dark: `npm run screenshots`.
// `-- NAME…` takes only these pages. OUT is the folder (default: screenshots/), WIDTHS and SCHEMES
// are lists, FULL=1 takes whole pages.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { launchBrowser, openPage, waitUntilLoaded } from "./browser.mjs";
import { listPages } from "./pages.mjs";

const chosenNames = process.argv.slice(2);
const folder = process.env.OUT ?? new URL("../screenshots/", import.meta.url).pathname;
const widths = (process.env.WIDTHS ?? "1280").split(",").map(Number);
const schemes = (process.env.SCHEMES ?? "light,dark").split(",");

mkdirSync(folder, { recursive: true });
const browser = await launchBrowser();
const windows = new Map();

/** One window for each person, width and color scheme. */
async function windowOf(person, width, colorScheme) {
  const key = `${person} ${width} ${colorScheme}`;
  if (!windows.has(key))
    windows.set(
      key,
      await openPage(browser, person, { colorScheme, viewport: { width, height: 860 } }),
    );
  return windows.get(key).page;
}

async function takePicture([name, path, person], width, scheme) {
  const page = await windowOf(person, width, scheme);
  await page.goto(path);
  await waitUntilLoaded(page);
  const file = `${name}-${scheme}${width === 1280 ? "" : `-${width}`}.png`;
  await page.screenshot({ path: join(folder, file), fullPage: process.env.FULL === "1" });
}

const pages = (await listPages())
  .filter(([name]) => chosenNames.length === 0 || chosenNames.includes(name))
  // The live tab first: its batch may end meanwhile.
  .toSorted(([a], [b]) => Number(b === "live") - Number(a === "live"));
for (const page of pages)
  for (const width of widths) for (const scheme of schemes) await takePicture(page, width, scheme);
await browser.close();
const missing = chosenNames.filter((name) => !pages.some(([taken]) => taken === name));
if (missing.length > 0)
  console.log(`not taken, because no batch is in that phase: ${missing.join(", ")}`);
console.log(`the pictures are in ${folder}`);
process.exit(missing.length > 0 ? 1 : 0);
