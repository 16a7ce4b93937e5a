// Makes the pictures of the documentation, and docs/pages.md, which shows them. It fills the running
// system with batches of its own first, so that system should be new: `make pictures` starts one.
// A page that is neither shown nor left out on purpose is a failure. OUT also gets the pictures as PNG.
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { launchBrowser, openPage, waitUntilLoaded } from "./browser.mjs";
import { DOC_PAGES, NOT_SHOWN, SECTIONS } from "./docPages.mjs";
import { listPages } from "./pages.mjs";
import { endRun, startRun } from "./sampleData.mjs";
import { step } from "./steps.mjs";

const docs = new URL("../../docs/", import.meta.url).pathname;
const folder = join(docs, "pictures");
const LOOKS = {
  light: { colorScheme: "light", viewport: { width: 1280, height: 900 } },
  dark: { colorScheme: "dark", viewport: { width: 1280, height: 900 } },
  phone: { colorScheme: "light", viewport: { width: 390, height: 844 }, isMobile: true },
};
const QUALITY = 0.85;
/** Parts that come after the page ask for their figures meanwhile. */
const LATER_MS = 400;
const CHART_MS = 12_000; // until the chart of the live tab has some points

mkdirSync(folder, { recursive: true });
const browser = await launchBrowser();
const windows = new Map();
const { page: painter } = await openPage(browser, "demo-auditor");

/** One window for each person and look. */
async function windowOf(person, look) {
  const key = `${person} ${look}`;
  if (!windows.has(key)) windows.set(key, await openPage(browser, person, LOOKS[look]));
  return windows.get(key).page;
}

/** A picture as WebP, which is a third of the PNG. */
async function compress(png) {
  const data = await painter.evaluate(
    async ([base64, quality]) => {
      const image = new Image();
      image.src = `data:image/png;base64,${base64}`;
      await image.decode();
      const canvas = document.createElement("canvas");
      Object.assign(canvas, { width: image.naturalWidth, height: image.naturalHeight });
      canvas.getContext("2d").drawImage(image, 0, 0);
      return canvas.toDataURL("image/webp", quality);
    },
    [png.toString("base64"), QUALITY],
  );
  return Buffer.from(data.split(",")[1], "base64");
}

const fileOf = (name, look) => `${name}${look === "light" ? "" : `-${look}`}`;
const taken = new Set();

async function takePicture([name, path, person], look) {
  const page = await windowOf(person, look);
  await page.goto(path);
  await waitUntilLoaded(page);
  if (name === "payment")
    await page.getByText("from the file to the bank").waitFor({ timeout: 15_000 });
  if (name === "live") await page.waitForTimeout(CHART_MS);
  await page.waitForTimeout(LATER_MS);
  await waitUntilLoaded(page);
  const png = await page.screenshot();
  const file = fileOf(name, look);
  writeFileSync(join(folder, `${file}.webp`), await compress(png));
  taken.add(`${file}.webp`);
  if (process.env.OUT) writeFileSync(join(process.env.OUT, `${file}.png`), png);
}

async function takePictures(pages) {
  for (const page of pages) {
    const { looks = ["light"] } = DOC_PAGES.find(({ name }) => name === page[0]);
    for (const look of looks) await takePicture(page, look);
  }
}

function writePage() {
  const lines = ["# The pages of the dashboard", ""];
  lines.push("Made by `make pictures`; do not edit. People and companies are invented.");
  for (const { title, pages } of SECTIONS) {
    lines.push("", `## ${title}`);
    for (const { name, text, looks = ["light"] } of pages) {
      lines.push("", text, "");
      for (const look of looks)
        lines.push(
          `![${text}${look === "light" ? "" : ` (${look})`}](pictures/${fileOf(name, look)}.webp)`,
        );
    }
  }
  writeFileSync(join(docs, "pages.md"), `${lines.join("\n")}\n`);
}

if (process.env.OUT) mkdirSync(process.env.OUT, { recursive: true });
const run = await step("a run begins", startRun);
await step("it is seen as it happens", async () => {
  await takePictures((await listPages()).filter(([name]) => name === "live"));
});
await step("it ends, and the next roster waits for approval", () => endRun(run));
await step("every page has its picture", async () => {
  const pages = (await listPages()).filter(([name]) => !NOT_SHOWN.has(name));
  const known = new Set(DOC_PAGES.map(({ name }) => name));
  const forgotten = pages.filter(([name]) => !known.has(name)).map(([name]) => name);
  assert.deepEqual(forgotten, [], "neither shown nor left out on purpose: docPages.mjs");
  await takePictures(pages.filter(([name]) => name !== "live"));
});
await browser.close();
const wanted = DOC_PAGES.flatMap(({ name, looks = ["light"] }) =>
  looks.map((look) => `${fileOf(name, look)}.webp`),
);
assert.deepEqual(
  wanted.filter((file) => !taken.has(file)),
  [],
  "not taken",
);
for (const file of readdirSync(folder)) if (!taken.has(file)) rmSync(join(folder, file));
writePage();
console.log(`${taken.size} pictures are in docs/pictures`);
