import { readFileSync } from "node:fs";
import { render, screen } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { Problem } from "../src/api/problem";
import spanish from "../src/i18n/api/es-US.json";
import { translate } from "../src/i18n/apiTexts.es";
import { allMessages, Language } from "../src/i18n/i18n";
import { ProblemPanel } from "../src/ui/ProblemPanel";

/** What the services send, as `python -m devtools.contracts` reads it from their code. */
const sent = JSON.parse(readFileSync("../contracts/api-texts.json", "utf8")) as Record<
  "sentences" | "parts" | "codes",
  string[]
>;
const parts = { ...spanish.reasons, ...spanish.timeline, ...spanish.values };

afterEach(() => window.localStorage.clear());

test("each sentence, part and code that the services send is in Spanish", () => {
  expect(sent.sentences.length).toBeGreaterThan(500);
  expect(Object.keys(spanish.sentences).toSorted()).toEqual(sent.sentences.toSorted());
  expect(sent.parts.filter((one) => !Object.hasOwn(parts, one))).toEqual([]);
  expect(sent.codes.filter((one) => !Object.hasOwn(spanish.codes, one))).toEqual([]);
});

test("a translation has the values of its text, each of them once", () => {
  for (const [english, translation] of Object.entries({ ...spanish.sentences, ...parts })) {
    const shown = [...translation.matchAll(/\{~?(\d)\}/g)].map(([, n]) => Number(n)).toSorted();
    expect(shown, english).toEqual([...Array(english.split("{}").length - 1).keys()]);
  }
});

test.each([
  ["There is no such batch.", undefined, "No existe ese lote."],
  [
    "Another decision about rows 3-5,9 stands. Nothing was changed.",
    undefined,
    "Hay otra decisión vigente sobre las filas 3-5,9. No se cambió nada.",
  ],
  [
    "2 rows, $10.00, are also in batch b1 of this pay period, which is ready. All of them would be " +
      "paid here, unless the other batch pays them first.",
    undefined,
    "2 filas, $10.00, están también en el lote b1 de este periodo de pago, que está en el estado " +
      "«listo para aprobar». Todas se pagarían aquí, salvo que el otro lote las pague antes.",
  ],
  [
    "on hold (loan ins_1 ending in 1234, set by Ana): garnished",
    "reasons",
    "retenida (el préstamo de ins_1 que termina en 1234, puesta por Ana): garnished",
  ],
  ["row 7, Amount", "timeline", "fila 7, Amount"],
  ["another name and phone than in batch b1 is the person's own", "values", /teléfono/],
] as const)("%s", (text, kind, expected) => {
  expect(translate(text, kind)).toMatch(expected);
});

test("a provider's text is shown by its code, any other unknown text as it is", () => {
  expect(translate("Too poor", "reasons", "insufficient_funds")).toBe(
    spanish.codes.insufficient_funds,
  );
  expect(translate("Too poor (4 $)", "reasons", "constructor")).toBe("Too poor (4 $)");
  // Parts of a timeline mean nothing in a reason.
  expect(translate("closed by bank", "reasons")).toBe("closed by bank");
});

test("a refusal is in Spanish on a Spanish page", async () => {
  window.localStorage.setItem("paydown.locale", "es-US");
  await allMessages;
  const body = {
    code: "approval-rules.open",
    detail: "Rules that Ana proposed wait for a second person. Nothing was changed.",
    money: "No money has moved because of this.",
    action: "Have them confirmed or rejected first.",
  };
  render(
    <Language>
      <ProblemPanel error={new Problem(body, 409)} />
    </Language>,
  );
  expect(await screen.findByText(/Las reglas que propuso Ana esperan/)).toBeVisible();
  for (const shown of ["Esto no ha movido ningún dinero.", "se confirmen o se rechacen."])
    expect(screen.getByRole("alert")).toHaveTextContent(shown);
});
