// The list of pages that the browser scripts open is complete, and the documentation shows each.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const read = (file: string) => readFileSync(file, "utf8");
const pages = read("e2e/pages.mjs");
const matches = (text: string, pattern: RegExp) =>
  [...text.matchAll(pattern)].map(([, found = ""]) => found);

test("every route is in the list of pages", () => {
  const routes = matches(read("src/app/routes.tsx"), /path: "([^"]+)"/g);
  expect(routes.length).toBeGreaterThan(20);
  const missing = routes.filter((route) => {
    const [fixed = ""] = route.split("$");
    return (
      !pages.includes(`"${fixed}`) &&
      !pages.includes(`\`\${batch}${fixed}\``) &&
      !pages.includes(`\`${fixed}\${`)
    );
  });
  expect(missing).toEqual([]);
});

test("every page is shown in the documentation, or left out by name", () => {
  const names = matches(pages, /\["([a-z-]+)", ["`]?[/b`$]/g);
  expect(names.length).toBeGreaterThan(30);
  const docs = read("e2e/docPages.mjs");
  expect(names.filter((name) => !docs.includes(`"${name}"`))).toEqual([]);
});
