// Pictures of every page into screenshots/, or OUT (light and dark), from a running system; `npm run screenshots [-- names…]`.
import { mkdirSync } from "node:fs";
import { as, settled, start } from "./browser.mjs";
import { pages } from "./pages.mjs";

const target = process.env.OUT ?? new URL("../screenshots/", import.meta.url).pathname;
const widths = (process.env.WIDTHS ?? "1280").split(",").map(Number);
const schemes = (process.env.SCHEMES ?? "light,dark").split(",");
const only = process.argv.slice(2);
mkdirSync(target, { recursive: true });
const browser = await start();
for (const [name, path, person] of await pages()) {
  if (only.length > 0 && !only.includes(name)) continue;
  for (const width of widths) {
    for (const scheme of schemes) {
      const { context, page } = await as(browser, person, { scheme, width, height: 860 });
      await page.goto(path);
      await settled(page);
      await page.screenshot({ path: `${target}/${name}-${scheme}${width === 1280 ? "" : `-${width}`}.png`, fullPage: process.env.FULL === "1" });
      await context.close();
    }
  }
}
await browser.close();
console.log(`pictures are in ${target}`);
