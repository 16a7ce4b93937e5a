// Takes a picture of every page of a running system, in light and dark: `npm run screenshots`.
// `-- NAME…` takes only these pages. OUT is the folder (default: screenshots/), WIDTHS and SCHEMES
// are lists, FULL=1 takes whole pages.
// `-- --readme` takes the three pictures of the README into ../docs/pictures: a batch that is ready,
// one that is being paid, and a payment that is completed.
import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { launchBrowser, openPage, waitUntilLoaded } from "./browser.mjs";
import { listPages } from "./pages.mjs";

const README_PICTURES = new Map([
  ["overview-ready", "overview"],
  ["live", "live-run"],
  ["payment", "payment"],
]);
const CHART_MS = 12_000; // until the chart of the live tab has some points
const args = process.argv.slice(2);
const readme = args.includes("--readme");
const chosenNames = readme ? [...README_PICTURES.keys()] : args;
const folder =
  process.env.OUT ??
  new URL(readme ? "../../docs/pictures/" : "../screenshots/", import.meta.url).pathname;
const widths = readme ? [1280] : (process.env.WIDTHS ?? "1280").split(",").map(Number);
const schemes = readme ? ["light"] : (process.env.SCHEMES ?? "light,dark").split(",");

mkdirSync(folder, { recursive: true });
const browser = await launchBrowser();
const windows = new Map();
const taken = new Set();

/** One window for each person, width and color scheme. */
async function windowOf(person, width, colorScheme) {
  const key = `${person} ${width} ${colorScheme}`;
  if (!windows.has(key)) {
    const viewport = { width, height: readme ? 1_000 : 860 };
    windows.set(key, await openPage(browser, person, { colorScheme, viewport }));
  }
  return windows.get(key).page;
}

function fileName(name, width, scheme) {
  if (readme) return `${README_PICTURES.get(name)}.png`;
  return `${name}-${scheme}${width === 1280 ? "" : `-${width}`}.png`;
}

async function takePicture([name, path, person], width, scheme) {
  const page = await windowOf(person, width, scheme);
  await page.goto(path);
  await waitUntilLoaded(page);
  if (readme && name === "payment")
    await page.getByText("from the file to the bank").waitFor({ timeout: 15_000 });
  if (readme && name === "live") await page.waitForTimeout(CHART_MS);
  const file = join(folder, fileName(name, width, scheme));
  await page.screenshot({ path: file, fullPage: process.env.FULL === "1" });
  taken.add(name);
  if (readme) console.log(`${file}: ${Math.round(statSync(file).size / 1000)} kB`);
}

const pages = (await listPages())
  .filter(([name]) => chosenNames.length === 0 || chosenNames.includes(name))
  // The live tab first: its batch may end meanwhile.
  .toSorted(([a], [b]) => Number(b === "live") - Number(a === "live"));
for (const page of pages)
  for (const width of widths) for (const scheme of schemes) await takePicture(page, width, scheme);
await browser.close();
const missing = chosenNames.filter((name) => !taken.has(name));
if (missing.length > 0)
  console.log(`not taken, because no batch is in that phase: ${missing.join(", ")}`);
console.log(`the pictures are in ${folder}`);
process.exit(missing.length > 0 ? 1 : 0);
