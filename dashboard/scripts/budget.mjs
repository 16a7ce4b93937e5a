// Weighs what a first visit of a route loads, and fails when that is more than the route's budget.
// Scripts only, gzipped at level 9 as the gateway does it. In kB (1000 bytes).
//
// Measured: 161, 166, 371 and 289 kB, in the order below. What is loaded lazily is not weighed: the
// messages that are not in the first load (22 kB for English), the line that says as of when the
// figures are, the charts. The grid brings panels that are never shown (filter, footer, pivot): 20 kB
// that no public option leaves out. Its budget is therefore 1 % above what is measured.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const BATCH_TABS = "src/batch/tabs";
const ROUTES = [
  { name: "first route", modules: ["src/home/HomePage.tsx"], budget: 162 },
  {
    name: "a batch's overview",
    modules: ["src/batch/BatchPage.tsx", `${BATCH_TABS}/overview/OverviewTab.tsx`],
    budget: 168,
  },
  {
    name: "a route with the grid",
    modules: ["src/batch/BatchPage.tsx", `${BATCH_TABS}/rows/RowsTab.tsx`],
    budget: 374,
  },
  {
    name: "the live tab",
    modules: [
      "src/batch/BatchPage.tsx",
      `${BATCH_TABS}/live/LiveTab.tsx`,
      `${BATCH_TABS}/live/BurnDownChart.tsx`,
    ],
    budget: 300,
  },
];

const dist = new URL("../dist/", import.meta.url);
const manifest = JSON.parse(readFileSync(new URL(".vite/manifest.json", dist), "utf8"));

/** The chunks of these modules and of everything they import, without lazy imports. */
function chunksOf(modules, found = new Set()) {
  for (const module of modules) {
    if (!manifest[module]) throw new Error(`${module} is not in the build's manifest`);
    if (found.has(module)) continue;
    found.add(module);
    chunksOf(manifest[module].imports ?? [], found);
  }
  return found;
}

function gzippedSize(file) {
  return gzipSync(readFileSync(new URL(file, dist)), { level: 9 }).length;
}

function weightOf(modules) {
  const files = [...chunksOf(["index.html", ...modules])].map((chunk) => manifest[chunk].file);
  const scripts = files.filter((file) => file.endsWith(".js"));
  return scripts.reduce((sum, file) => sum + gzippedSize(file), 0) / 1000;
}

// A lazy import of a chunk by itself: the module comes with the first load all the same.
const notLazy = Object.entries(manifest)
  .filter(([name, { dynamicImports = [] }]) => dynamicImports.includes(name))
  .map(([name]) => name);
if (notLazy.length > 0)
  throw new Error(`${notLazy} imports a part of itself lazily: see FRAME in vite.config.ts`);

let tooHeavy = false;
for (const { name, modules, budget } of ROUTES) {
  const weight = weightOf(modules);
  const over = weight > budget;
  tooHeavy ||= over;
  const figures = `${weight.toFixed(1).padStart(7)} kB of ${budget}`;
  console.log(`${name.padEnd(24)} ${figures}${over ? "  TOO HEAVY" : ""}`);
}
process.exit(tooHeavy ? 1 : 0);
