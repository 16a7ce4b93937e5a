import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

/**
 * What the pages keep in the browser, by file: settings of the display, the demo person of a tab,
 * hashes of uploaded files with the ids of their batches, and the ticks of an approval for the time
 * of a sign-in. No token, no name, no amount. A file that is not here may not touch a storage.
 */
const KEPT: Record<string, string[]> = {
  "src/api/session.ts": ["paydown.demo-person"],
  "src/batch/tabs/approval/keptTicks.ts": ["paydown.approval-ticks"],
  "src/i18n/i18n.tsx": ["paydown.locale", "paydown.zone"],
  "src/ui/colorScheme.ts": ["paydown.scheme"],
  "src/upload/rememberedUploads.ts": ["paydown.uploads"],
};
const STORAGE =
  /\b(?:localStorage|sessionStorage|indexedDB|caches|serviceWorker|cookieStore|document\.cookie|window\.name)\b/;

function files(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return files(path);
    return /\.tsx?$/.test(entry.name) && !entry.name.endsWith(".d.ts") ? [path] : [];
  });
}

test("no page keeps anything secret in the browser's storage", () => {
  const users = files("src").filter((path) => STORAGE.test(readFileSync(path, "utf8")));
  expect(users.toSorted()).toEqual(Object.keys(KEPT).toSorted());
  for (const [path, keys] of Object.entries(KEPT)) {
    const named = readFileSync(path, "utf8").match(/"paydown\.[a-z-]+"/g) ?? [];
    expect([path, ...new Set(named)].toSorted()).toEqual(
      [path, ...keys.map((key) => `"${key}"`)].toSorted(),
    );
  }
});
