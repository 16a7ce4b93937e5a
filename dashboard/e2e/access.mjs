// Every page in light, dark, forced colours and 320 px: axe finds nothing, nothing is cut off, the page itself reports no error.
import { readFileSync } from "node:fs";
import { as, settled, start } from "./browser.mjs";
import { pages } from "./pages.mjs";

const axe = readFileSync(new URL("../node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const LOOKS = [
  ["light", { scheme: "light" }], ["dark", { scheme: "dark" }], ["forced", { scheme: "dark", forcedColors: "active" }], ["320", { scheme: "light", width: 320, height: 640 }],
];
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const only = process.argv.slice(2);
const browser = await start();
const opened = new Map();
let wrong = 0;
let looked = 0;

/** One window for each person and look: signed in once, then led from page to page. */
async function windowOf(person, look, options) {
  const key = `${person} ${look}`;
  if (!opened.has(key)) opened.set(key, await as(browser, person, options));
  return opened.get(key);
}

async function check([name, path, person], [look, options]) {
  const { page, faults } = await windowOf(person, look, options);
  await page.goto(path);
  await settled(page);
  await page.evaluate(axe);
  const found = await page.evaluate((values) => window.axe.run(document, { runOnly: values, resultTypes: ["violations"] }), TAGS);
  const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  const said = [...found.violations.map((one) => `${one.id} (${one.nodes.length}): ${one.nodes[0].html.slice(0, 160)}`), ...faults.splice(0), ...(over > 0 ? [`${over} px cut off sideways`] : [])];
  looked += 1;
  wrong += said.length;
  if (said.length > 0) console.log(`${name} ${look}:\n  ${said.join("\n  ")}`);
}

const found = (await pages()).filter(([name]) => only.length === 0 || only.includes(name));
for (const look of LOOKS) for (const page of found) await check(page, look); // one after another: beside each other they make the system too slow on two cores
await browser.close();
console.log(`${looked} views of pages, ${wrong} things wrong`);
process.exit(wrong > 0 ? 1 : 0);
