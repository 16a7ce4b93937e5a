// Rosters that follow one another, as those of a real employer do: the next one is the former one
// with a few changes.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { workFolder } from "./system.mjs";

const ROW = /<row>.*?<\/row>/gs;
const EMPLOYEE_ID = /<Employee><DunkinId>([^<]+)/;
const employeeOf = (row) => EMPLOYEE_ID.exec(row)[1];

/**
 * Writes the roster that follows: one employee is gone, one is new, and one amount is a hundred
 * times as large. Returns its path.
 */
export function makeNextRoster(file, name) {
  const rows = readFileSync(file, "utf8").match(ROW);
  const gone = employeeOf(rows[0]);
  const kept = rows.filter((row) => employeeOf(row) !== gone);
  assert.ok(kept.length >= 2, "the roster is too small to be changed");
  const [mistaken, copied] = kept;
  const dearer = mistaken.replace(
    /<Amount>\$(\d+)\.(\d\d)/,
    (_all, dollars, cents) => `<Amount>$${dollars}${cents}.00`,
  );
  const hired = copied
    .replace(EMPLOYEE_ID, "<Employee><DunkinId>EMP-6f0d8f4e-52f1-4c6e-9d0f-2f6a6d1c7a11")
    .replace(/<FirstName>[^<]*/, "<FirstName>Noelia")
    .replace(/<LastName>[^<]*/, "<LastName>Newcomer")
    .replace(/<LoanAccountNumber>\d+/, "<LoanAccountNumber>70115533");
  const next = [dearer, ...kept.slice(1), hired];
  const path = join(workFolder, name);
  writeFileSync(path, `<root>${next.join("")}</root>`);
  return path;
}
