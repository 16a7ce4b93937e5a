import { readFileSync } from "node:fs";
import { render, screen, waitFor } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { FILE_FAULTS } from "../src/i18n/fileFaults.es";
import { allMessages, Language } from "../src/i18n/i18n";
import { RefusedFileNotice } from "../src/ui/RefusedFileNotice";

const ERROR = {
  code: "E_FILE_AMPERSAND",
  message: "There is an & that begins no reference. It is in row 812, in Payor/Name.",
  line: 1,
  row: 812,
  field: "Payor/Name",
  found: "",
};

afterEach(() => window.localStorage.clear());

function show(error: Parameters<typeof RefusedFileNotice>[0]["error"]): void {
  render(
    <Language>
      <RefusedFileNotice error={error} />
    </Language>,
  );
}

test("a refused file says so, what is wrong, and that no money has gone out", async () => {
  await allMessages;
  show(ERROR);
  const notice = screen.getByText(/begins no reference/);
  expect(notice).toHaveTextContent(
    "This file was refused. There is an & that begins no reference.",
  );
  expect(notice).toHaveTextContent("no money has gone out");
  expect(notice.textContent?.match(/row 812/g)).toHaveLength(1);
});

test("in Spanish the fault and its row are in Spanish", async () => {
  window.localStorage.setItem("paydown.locale", "es-US");
  await allMessages;
  show(ERROR);
  const notice = await waitFor(() => screen.getByText(/no inicia ninguna referencia/));
  expect(notice).toHaveTextContent("Este archivo fue rechazado.");
  expect(notice).toHaveTextContent(
    "Está en la fila 812, en Payor/Name. La fila anterior es la 811.",
  );
  expect(notice).not.toHaveTextContent("begins no reference");
});

test("a code that is not known here is shown as the server says it", async () => {
  window.localStorage.setItem("paydown.locale", "es-US");
  await allMessages;
  show({ code: "E_FILE_NEW", message: "Something new.", line: null });
  expect(await screen.findByText(/Something new\./)).toBeVisible();
});

test("every code that refuses a file has a sentence in Spanish", () => {
  const source = readFileSync("../services/ingest/roster/issue_codes.py", "utf8");
  const codes = [...source.matchAll(/^ {4}"(E_FILE_\w+|E_PARSER)":/gm)].map(
    ([, code = ""]) => code,
  );
  expect(codes.length).toBeGreaterThan(40);
  expect(Object.keys(FILE_FAULTS).toSorted()).toEqual(codes.toSorted());
});
