// Named steps, people with pages, and waiting: what every script uses.
import { openPage } from "./browser.mjs";

/** Runs a step and prints its name and how long it took. */
export async function step(name, work) {
  const began = Date.now();
  const result = await work();
  console.log(`ok  ${name} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
  return result;
}

/** Opens a page for each person that is asked for, and collects the errors of all of them. */
export function openPeople(browser) {
  const errors = [];
  return {
    allErrors: () => errors.flat(),
    async pageOf(person, options) {
      const opened = await openPage(browser, person, options);
      errors.push(opened.errors);
      return opened.page;
    },
  };
}

export function sleep(ms) {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** Checks twice a second until the result is true, and returns it. Throws after `tries`. */
export async function waitUntil(what, check, tries = 120) {
  for (let n = 0; n < tries; n += 1) {
    const result = await check();
    if (result) return result;
    await sleep(500);
  }
  throw new Error(`this did not become true: ${what}`);
}

/** The text of the page's content, with single spaces. */
export async function mainText(page) {
  return ((await page.locator("main").textContent()) ?? "").replaceAll(/\s+/g, " ");
}
