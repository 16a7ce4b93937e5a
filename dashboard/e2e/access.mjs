// Every page in light, dark, forced colours and 320 px, and every state it has in light, dark and 320 px: axe finds nothing, nothing is cut off, the page reports no error.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { as, settled, start } from "./browser.mjs";
import { pages } from "./pages.mjs";
import { HAS, hurried, inState } from "./states.mjs";

const axe = readFileSync(new URL("../node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const TAGS = {
  type: "tag",
  values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
};
const COLOURS = { type: "rule", values: ["color-contrast", "link-in-text-block"] }; // all that another scheme can change
const SIZES = {
  type: "rule",
  values: ["color-contrast", "target-size", "scrollable-region-focusable", "landmark-unique"],
}; // all that less room can change
const WIDE = { width: 1280, height: 900 };
const NARROW = { width: 320, height: 640 };
const LIGHT = ["light", { colorScheme: "light", forcedColors: "none" }, WIDE, TAGS];
const LOOKS = [
  LIGHT,
  ["dark", { colorScheme: "dark", forcedColors: "none" }, WIDE, TAGS],
  ["forced", { colorScheme: "dark", forcedColors: "active" }, WIDE, TAGS],
  ["320", { colorScheme: "light", forcedColors: "none" }, NARROW, TAGS],
];
const LOOKS_OF_STATES = [
  LIGHT,
  ["dark", { colorScheme: "dark", forcedColors: "none" }, WIDE, COLOURS],
  ["320", { colorScheme: "light", forcedColors: "none" }, NARROW, SIZES],
];

const only = process.argv.slice(2);
const browser = await start();
const opened = new Map();
let wrong = 0;
let looked = 0;

/** One window for each person, signed in once, then led from page to page; another one for states, where waits are short. */
async function windowOf(person, quick) {
  const key = `${person} ${quick}`;
  if (!opened.has(key)) {
    const [who, language] = person.split(" ");
    const made = await as(browser, who, {
      reducedMotion: "reduce",
      ...(language === "es" ? NARROW : {}),
    }); // colours that still move are no colours to measure
    if (language === "es")
      await made.context.addInitScript(() => localStorage.setItem("paydown.locale", "es-US"));
    if (quick) await hurried(made.context);
    opened.set(key, made);
  }
  return opened.get(key);
}

/** A page as it stands, in each look. */
async function check(name, { page, faults }, looks) {
  await page.evaluate(axe);
  for (const [look, media, size, runOnly] of looks) {
    await page.emulateMedia(media);
    await page.setViewportSize(size);
    await page.evaluate(
      () =>
        new Promise((done) => {
          requestAnimationFrame(() => requestAnimationFrame(done));
        }),
    ); // the page follows a change with its next picture
    const found = await page.evaluate(
      (rules) => globalThis.axe.run(document, { runOnly: rules, resultTypes: ["violations"] }),
      runOnly,
    );
    const over = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    const said = [
      ...found.violations.map(
        (one) => `${one.id} (${one.nodes.length}): ${one.nodes[0].html.slice(0, 160)}`,
      ),
      ...faults.splice(0),
      ...(over > 0 ? [`${over} px cut off sideways`] : []),
    ];
    looked += 1;
    tell(`${name} ${look}`, said);
  }
}

function tell(name, said) {
  wrong += said.length;
  if (said.length > 0) console.log(`${name}:\n  ${said.join("\n  ")}`);
}

async function ordinary([name, path, person]) {
  const window = await windowOf(person, false);
  await window.page.goto(path);
  await settled(window.page);
  await check(name, window, LOOKS);
}

async function state([name, path, person], which, own) {
  const window = await windowOf(person, true);
  try {
    await inState(window.page, path, which, own);
  } catch (error) {
    tell(`${name} ${which}`, [
      `does not show it: ${String(error).split("\n")[0]}`,
      (
        (await window.page
          .locator("main")
          .textContent()
          .catch(() => "")) ?? ""
      ).slice(0, 200),
    ]);
    return;
  }
  await check(`${name} (${which})`, window, LOOKS_OF_STATES);
}

/** Spanish has longer words: nothing may be cut off at 320 px, and no message be missing. */
async function spanish([name, path, person]) {
  const { page, faults } = await windowOf(`${person} es`, false);
  await page.goto(path);
  await settled(page);
  const over = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  const language = await page.evaluate(() => document.documentElement.lang);
  looked += 1;
  tell(`${name} es-US 320`, [
    ...faults.splice(0),
    ...(over > 0 ? [`${over} px cut off sideways`] : []),
    ...(language === "es-US" ? [] : [`it is in ${language}`]),
  ]);
}

/** What all of this rests on: a page is not taken for whole while an answer is held back. */
async function waits() {
  const { page } = await windowOf("demo-preparer", false);
  const held = [];
  await page.route(/\/api\/v1\/batches\?/, (route) => {
    held.push(route);
  });
  await page.goto("/batches");
  const early = await Promise.race([
    settled(page).then(() => "settled"),
    page.waitForTimeout(1_000).then(() => "waiting"),
  ]);
  assert.equal(early, "waiting", "a page that still loads was taken for whole");
  await Promise.all(held.splice(0).map((route) => route.continue()));
  await page.unrouteAll({ behavior: "ignoreErrors" });
  await settled(page);
}

await waits();
const chosen = (await pages()).filter(([name]) => only.length === 0 || only.includes(name));
for (const page of chosen) await ordinary(page); // one after another: beside each other they make the system too slow on two cores
for (const page of chosen) await spanish(page);
for (const page of chosen) for (const which of HAS.get(page[0]) ?? []) await state(page, which);
if (only.length === 0) {
  for (const which of ["loading", "away", "cut"])
    await state(["sign-in", "/", "demo-preparer"], which, /\/api\/v1\/(me|session)$/);
}
await browser.close();
console.log(`${looked} views of pages, ${wrong} things wrong`);
process.exit(wrong > 0 ? 1 : 0);
