// Opens a workbook with a program that did not write it: LibreOffice, else openpyxl.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { repository } from "./system.mjs";

/** Commas, UTF-8, from line 1; text is quoted and numbers are not; the first sheet. */
const CSV = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,true,true,false,false,false,1";
const READ_BY_OPENPYXL = `
import csv, sys, openpyxl
sheet = openpyxl.load_workbook(sys.argv[1], data_only=True).worksheets[0]
csv.writer(sys.stdout, quoting=csv.QUOTE_NONNUMERIC).writerows(sheet.iter_rows(values_only=True))
`;

/** The name of what opens workbooks on this machine; null if nothing does. */
export function spreadsheetProgram() {
  if (runs("soffice", "--version")) return "LibreOffice";
  if (runs(python, "-c", "import openpyxl")) return "openpyxl";
  return null;
}

const python = join(repository, ".venv/bin/python");

function runs(command, ...args) {
  try {
    execFileSync(command, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** The lines of the first sheet. A cell is its text, and says whether it is a number to SUM. */
export function readWorkbook(path, program) {
  const table =
    program === "LibreOffice"
      ? convert(path)
      : execFileSync(python, ["-c", READ_BY_OPENPYXL, path], { encoding: "utf8" });
  return table.trim().split(/\r?\n/).map(cellsOf);
}

function convert(path) {
  const folder = mkdtempSync(join(tmpdir(), "paydown-office-"));
  try {
    const profile = `-env:UserInstallation=file://${folder}/profile`; // not that of a person
    const args = [profile, "--headless", "--convert-to", CSV, "--outdir", folder, path];
    execFileSync("soffice", args, { stdio: "ignore", timeout: 60_000 });
    const stem = basename(path).replace(/\.[^.]+$/, "");
    return readFileSync(join(folder, `${stem}-Sheet1.csv`), "utf8");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function cellsOf(line) {
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(([, quoted, bare]) => ({
    text: quoted?.replaceAll('""', '"') ?? bare,
    isNumber: quoted === undefined && bare !== "",
  }));
}

/** The whole cents of an amount as a spreadsheet stores it: 9, 9.3 or 9.38. */
export function centsOf({ text, isNumber }) {
  const [, dollars, cents = ""] = /^(\d+)(?:\.(\d{1,2}))?$/.exec(text) ?? [];
  if (!isNumber || dollars === undefined) throw new Error(`"${text}" is no amount`);
  return Number(dollars) * 100 + Number(cents.padEnd(2, "0"));
}
