// Pictures of every page into screenshots/, or OUT (light and dark), from a running system; `npm run screenshots [-- names…]`.
// `npm run screenshots -- --readme` makes the README's three into ../docs/pictures/: a ready batch, a run as it goes, one payment.
import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { as, settled, start } from "./browser.mjs";
import { pages } from "./pages.mjs";

const README = new Map([
  ["overview-ready", "overview"],
  ["live", "live-run"],
  ["payment", "payment"],
]);
const SEEN_MS = 12_000; // a curve needs some points
const words = process.argv.slice(2);
const readme = words.includes("--readme");
const only = readme ? [...README.keys()] : words;
const target =
  process.env.OUT ??
  new URL(readme ? "../../docs/pictures/" : "../screenshots/", import.meta.url).pathname;
const widths = readme ? [1280] : (process.env.WIDTHS ?? "1280").split(",").map(Number);
const schemes = readme ? ["light"] : (process.env.SCHEMES ?? "light,dark").split(",");
mkdirSync(target, { recursive: true });
const browser = await start();
const opened = new Map();
const made = new Set();

/** One window for each person and look. */
async function windowOf(person, width, scheme) {
  const key = `${person} ${width} ${scheme}`;
  if (!opened.has(key))
    opened.set(key, await as(browser, person, { scheme, width, height: readme ? 1_000 : 860 }));
  return opened.get(key).page;
}

const all = (await pages())
  .filter(([name]) => only.length === 0 || only.includes(name))
  .toSorted(([a], [b]) => Number(b === "live") - Number(a === "live")); // a run does not wait
for (const [name, path, person] of all) {
  for (const width of widths) {
    for (const scheme of schemes) {
      const page = await windowOf(person, width, scheme);
      await page.goto(path);
      await settled(page);
      if (readme && name === "payment")
        await page.getByText("from the file to the bank").waitFor({ timeout: 15_000 });
      if (name === "live") await page.waitForTimeout(readme ? SEEN_MS : 0);
      const file = join(
        target,
        readme
          ? `${README.get(name)}.png`
          : `${name}-${scheme}${width === 1280 ? "" : `-${width}`}.png`,
      );
      await page.screenshot({ path: file, fullPage: process.env.FULL === "1" });
      made.add(name);
      if (readme) console.log(`${file}: ${Math.round(statSync(file).size / 1000)} kB`);
    }
  }
}
await browser.close();
const missing = only.filter((name) => !made.has(name));
if (missing.length > 0)
  console.log(`not made, because the system holds no batch in that state: ${missing.join(", ")}`);
console.log(`pictures are in ${target}`);
process.exit(missing.length > 0 ? 1 : 0);
