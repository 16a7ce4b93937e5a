import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { render, screen } from "@testing-library/react";
import { expect, test } from "vitest";
import { Problem } from "../src/api/problem";
import { allMessages, Language } from "../src/i18n/i18n";
import { ProblemPanel } from "../src/ui/ProblemPanel";
import { BATCH_LOOKS, PAYMENT_LOOKS, ROW_LOOKS } from "../src/ui/statusLooks";
import compiledSpanish from "../src/i18n/es-US.json";

const readMessages = (name: string) =>
  JSON.parse(readFileSync(join("src/i18n", name), "utf8")) as Record<string, string>;
const english = { ...readMessages("en-US.core.json"), ...readMessages("en-US.json") };
const spanish = readMessages("es-US.json");
const LOOKS = { batch: BATCH_LOOKS, row: ROW_LOOKS, payment: PAYMENT_LOOKS };

/** The code of every file in a folder, as one text. */
function sourceCode(folder: string): string {
  return readdirSync(folder, { withFileTypes: true })
    .map((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return sourceCode(path);
      const isCode = /\.tsx?$/.test(entry.name) && !entry.name.endsWith(".d.ts");
      return isCode ? readFileSync(path, "utf8") : "";
    })
    .join("\n");
}

test("both languages have the same messages, each of them readable", () => {
  expect(Object.keys(spanish).toSorted()).toEqual(Object.keys(english).toSorted());
  // Compiled as the build does it, which fails for a message that cannot be parsed.
  expect(Object.keys(compiledSpanish).toSorted()).toEqual(Object.keys(spanish).toSorted());
});

/** What a template such as `checks.${status}.means`, or a prefix of `Word`, can make. */
function patternsIn(code: string): RegExp[] {
  const templates = [...code.matchAll(/`([a-z-]+\.[^`\s]*\$\{[^`\s]*)`/g)].map(
    ([, one = ""]) => one,
  );
  const prefixes = [...code.matchAll(/prefix="([a-z]+)"/g)].map(([, one = ""]) => `${one}.\${}`);
  return [...templates, ...prefixes].map(
    (one) => new RegExp(`^${one.replaceAll(".", "\\.").replaceAll(/\$\{[^}]*\}/g, ".+")}$`),
  );
}

test("every message is used", () => {
  const code = sourceCode("src");
  const patterns = patternsIn(code);
  const isUsed = (id: string) =>
    code.includes(`"${id}"`) || patterns.some((pattern) => pattern.test(id));
  expect(Object.keys(english).filter((id) => !isUsed(id))).toEqual([]);
});

test("every status has a word and a sentence", () => {
  for (const [kind, looks] of Object.entries(LOOKS)) {
    for (const status of Object.keys(looks))
      expect(Object.keys(english)).toEqual(
        expect.arrayContaining([`status.${kind}.${status}`, `status.${kind}.${status}.means`]),
      );
  }
});

test("every kind of difference has a word", () => {
  const glossary = readFileSync("../docs/glossary.md", "utf8").split("## Kinds of breaks")[1] ?? "";
  const kinds = [...glossary.matchAll(/^\| `(\w+)` \|/gm)].map(([, kind]) => `break.${kind}`);
  expect(kinds.length).toBeGreaterThan(10);
  expect(Object.keys(english)).toEqual(expect.arrayContaining(kinds));
});

test("an error says what happened, if money is affected, what to do, and its request id", async () => {
  await allMessages;
  const problem = new Problem(
    {
      code: "approval.stale",
      detail: "The batch has changed.",
      money: "No money has moved because of this.",
      action: "Look at it again.",
      request_id: "abc",
    },
    409,
  );
  render(
    <Language>
      <ProblemPanel error={problem} />
    </Language>,
  );
  for (const text of [
    "The batch has changed.",
    "No money has moved because of this.",
    "Look at it again.",
    "abc",
  ])
    expect(screen.getByRole("alert")).toHaveTextContent(text);
});

test("a change without an answer is never said to have done nothing", () => {
  render(
    <Language>
      <ProblemPanel error={new Problem({ code: "network.none" }, 0)} unsafe />
    </Language>,
  );
  expect(screen.getByRole("alert")).toHaveTextContent(
    "We do not know whether your request was carried out.",
  );
});
