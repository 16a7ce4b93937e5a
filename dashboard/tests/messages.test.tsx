import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { render, screen } from "@testing-library/react";
import { expect, test } from "vitest";
import { Problem } from "../src/api/problem";
import { allMessages, Language } from "../src/i18n/i18n";
import { ProblemPanel } from "../src/ui/ProblemPanel";
import { BATCH, PAYMENT, ROW } from "../src/ui/states";
import compiledSpanish from "../src/i18n/es-US.json";

const read = (name: string) =>
  JSON.parse(readFileSync(join("src/i18n", name), "utf8")) as Record<string, string>;
const english = { ...read("en-US.core.json"), ...read("en-US.json") };
const spanish = read("es-US.json");

function sources(folder: string): string {
  return readdirSync(folder, { withFileTypes: true })
    .map((entry) =>
      entry.isDirectory()
        ? sources(join(folder, entry.name))
        : /\.tsx?$/.test(entry.name) && !entry.name.endsWith(".d.ts")
          ? readFileSync(join(folder, entry.name), "utf8")
          : "",
    )
    .join("\n");
}

test("both languages have the same messages, each of them readable", () => {
  expect(Object.keys(spanish).toSorted()).toEqual(Object.keys(english).toSorted());
  expect(Object.keys(compiledSpanish).toSorted()).toEqual(Object.keys(spanish).toSorted()); // compiled as the build does it, which a message that cannot be read would have stopped
});

test("every message is used", () => {
  const code = sources("src");
  const made = [...code.matchAll(/`([a-z]+)\.[^`]*\$\{/g)]
    .map((found) => `${found[1]}.`)
    .concat([...code.matchAll(/prefix="([a-z]+)"/g)].map((found) => `${found[1]}.`));
  expect(
    Object.keys(english).filter(
      (id) => !code.includes(`"${id}"`) && !made.some((prefix) => id.startsWith(prefix)),
    ),
  ).toEqual([]);
});

test("every state has a word and a sentence", () => {
  for (const [kind, looks] of Object.entries({ batch: BATCH, row: ROW, payment: PAYMENT })) {
    for (const state of Object.keys(looks))
      expect(Object.keys(english)).toEqual(
        expect.arrayContaining([`state.${kind}.${state}`, `state.${kind}.${state}.means`]),
      );
  }
});

test("an error says what happened, whether money is affected, what to do, and its request id", async () => {
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

test("an order without an answer is never said to have done nothing", () => {
  render(
    <Language>
      <ProblemPanel error={new Problem({ code: "network.none" }, 0)} unsafe />
    </Language>,
  );
  expect(screen.getByRole("alert")).toHaveTextContent(
    "It is not known here whether your order was carried out.",
  );
});
