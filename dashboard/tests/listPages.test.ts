import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

type Operation = { parameters?: { name: string }[] };
const { paths } = JSON.parse(readFileSync("../contracts/gateway.openapi.json", "utf8")) as {
  paths: Record<string, { get?: Operation }>;
};
/** Lists that may be long: the API reads them page by page. */
const PAGED = Object.keys(paths).filter((path) =>
  paths[path]?.get?.parameters?.some(({ name }) => name === "limit"),
);
/** Counts what the API does not count: at most 50 pages of 1,000, and says when that is not all. */
const READS_MORE = "src/batch/useGroupedRows.ts";
/** How far after its path a query names its parameters. */
const CALL_LENGTH = 400;

function filesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesIn(path);
    return /\.tsx?$/.test(entry.name) && !entry.name.endsWith(".d.ts") ? [path] : [];
  });
}

/** Every call that reads a list, as it is written: its file, and the text from its path on. */
function listReads(): { file: string; call: string }[] {
  return filesIn("src").flatMap((file) => {
    const code = readFileSync(file, "utf8");
    return PAGED.flatMap((path) =>
      [
        ...code.matchAll(
          new RegExp(`(?:"get",|GET\\()\\s*"${path.replaceAll(/[{}]/g, "\\$&")}"`, "g"),
        ),
      ].map(({ index }) => ({ file, call: code.slice(index, index + CALL_LENGTH) })),
    );
  });
}

test("no page reads a whole list: each names how much of it, or gets the API's 100", () => {
  const reads = listReads();
  expect(reads.length).toBeGreaterThan(15);
  for (const { file, call } of reads.filter((one) => one.file !== READS_MORE)) {
    const size = /\blimit: ?([\w.]+)/.exec(call)?.[1];
    const named =
      size && new RegExp(`\\b${size} = ([\\d_]+)`).exec(readFileSync(file, "utf8"))?.[1];
    const rows = Number((named ?? (/^\d+$/.test(size ?? "") ? size : "100"))?.replaceAll("_", ""));
    expect(rows, `${file}: ${call.slice(0, 60)}`).toBeLessThanOrEqual(100);
  }
});

test("only what is said to do so follows a list to its end", () => {
  const following = filesIn("src").filter((file) =>
    /cursor = [\w.?]*next/.test(readFileSync(file, "utf8")),
  );
  expect(following).toEqual([READS_MORE]);
});
