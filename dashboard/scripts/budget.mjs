// Weighs what a first visit loads, gzipped at level 9 as the gateway does it, and fails when a route
// is heavier than its budget. Measured: 157 kB, 160 kB, 361 kB and 280 kB, in the order below.
// The grid brings panels that are never shown (filter, footer, pivot: 20 kB). A build plugin used to
// cut them out of its inside, which made 340 kB; without the plugin the budget is 369 kB, 2 % more
// than is measured.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const dist = new URL("../dist/", import.meta.url);
const manifest = JSON.parse(readFileSync(new URL(".vite/manifest.json", dist), "utf8"));

function loaded(names, seen = new Set()) {
  for (const name of names) {
    if (seen.has(name) || !manifest[name]) continue;
    seen.add(name);
    loaded(manifest[name].imports ?? [], seen);
  }
  return seen;
}

function weight(names) {
  const files = [...loaded(names)]
    .map((name) => manifest[name].file)
    .filter((file) => file.endsWith(".js"));
  return (
    files.reduce(
      (sum, file) => sum + gzipSync(readFileSync(new URL(file, dist)), { level: 9 }).length,
      0,
    ) / 1000
  );
}

const budgets = [
  ["first route", ["index.html", "src/home/HomePage.tsx"], 160],
  [
    "a batch's overview",
    ["index.html", "src/batch/BatchPage.tsx", "src/batch/tabs/overview/OverviewTab.tsx"],
    165,
  ],
  [
    "a route with the grid",
    ["index.html", "src/batch/BatchPage.tsx", "src/batch/tabs/rows/RowsTab.tsx"],
    369,
  ],
  [
    "the live run",
    [
      "index.html",
      "src/batch/BatchPage.tsx",
      "src/batch/tabs/live/LiveTab.tsx",
      "src/batch/tabs/live/BurnDownChart.tsx",
    ],
    300,
  ],
];
let over = false;
for (const [name, entries, most] of budgets) {
  for (const entry of entries) {
    if (!manifest[entry]) throw new Error(`${entry} is not in the build's manifest`);
  }
  const size = weight(entries);
  over ||= size > most;
  console.log(
    `${name.padEnd(24)} ${size.toFixed(1).padStart(7)} kB of ${most}${size > most ? "  TOO HEAVY" : ""}`,
  );
}
process.exit(over ? 1 : 0);
