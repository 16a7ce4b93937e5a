// A system as it looks on a pay day, for pictures: a run under way, then a roster that waits for
// approval, one that was refused, names, a report, a hold and a token.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { callApi } from "./browser.mjs";
import { makeNextRoster } from "./rosters.mjs";
import {
  approveBatch,
  controlSimulator,
  makeRoster,
  slowPayments,
  uploadReadyBatch,
  uploadRoster,
  waitForStatus,
  workFolder,
} from "./system.mjs";

const ROWS = 240;
const DAY_MS = 24 * 60 * 60 * 1_000;
/** Failures of servicers, and returns; one of the bank would stop a source account. */
const OUTCOMES = [
  { share: 0.04, status: "failed", error_code: 10009 },
  { share: 0.03, status: "failed", error_code: 10010, after: "sent" },
];
const SOURCES = ["Payroll, main account", "Payroll, stores east", "Payroll, stores west"];
const BRANCHES = ["Boston", "Chicago", "Denver", "Houston", "Miami", "Newark", "Salem", "Tampa"];

async function post(person, path, body) {
  const answer = await callApi(person, "POST", path, body);
  assert.ok(answer.status < 300, `${path}: ${JSON.stringify(answer.body)}`);
  return answer.body;
}

const dayOf = (time) => new Date(time).toISOString().slice(0, 10);
const fileNameOf = (day) => `payroll-${day}.xml`;

/** Names for some branches and source accounts; ids stay for the others. */
async function giveNames() {
  const { body } = await callApi("demo-preparer", "GET", "/names/unnamed");
  for (const [kind, names] of [
    ["source", SOURCES],
    ["branch", BRANCHES],
  ]) {
    const ids = body.items.filter((one) => one.kind === kind).slice(0, names.length);
    for (const [n, { id }] of ids.entries())
      await post("demo-preparer", "/names", { kind, id, base: 0, name: names[n] });
  }
}

/** Starts a run of the former pay period. Returns its roster and its batch. */
export async function startRun() {
  const day = dayOf(Date.now() - 14 * DAY_MS);
  const file = makeRoster(ROWS, fileNameOf(day));
  const batch = await uploadReadyBatch(file, { period: day });
  await giveNames();
  await controlSimulator("PUT", "outcomes", { seed: 3, rules: OUTCOMES });
  await slowPayments(2);
  await approveBatch(batch);
  await waitForStatus(batch.batch_id, "paying");
  return { file, batch };
}

/** Lets the run end, and makes everything that the other pages show. */
export async function endRun({ file, batch }) {
  await controlSimulator("DELETE", "faults");
  await waitForStatus(batch.batch_id, "completed", "completed_with_failures");
  await controlSimulator("DELETE", "outcomes");
  await uploadRefused(file);
  const next = await uploadReadyBatch(makeNextRoster(file, fileNameOf(dayOf(Date.now()))));
  await post("demo-preparer", `/batches/${next.batch_id}/approval-requests`, {
    digest: next.digest,
    note: "Please look at the large amount, I asked the branch about it.",
  });
  await post("demo-preparer", "/finance/yearly", { year: new Date().getFullYear() });
  await post("demo-preparer", "/finance/reports", { by: ["source", "month"], batch_ids: [] });
  await holdOnePerson(batch);
  await post("demo-admin", "/tokens", {
    name: "payroll export",
    person: "demo-preparer",
    roles: ["preparer"],
    read_only: true,
    days: 90,
  });
}

/** A file that ends in the middle, as after an interrupted copy. */
async function uploadRefused(file) {
  const text = readFileSync(file, "utf8");
  const broken = join(workFolder, "payroll-cut-off.xml");
  writeFileSync(broken, text.slice(0, text.length / 2));
  await waitForStatus(await uploadRoster(broken), "rejected");
}

async function holdOnePerson(batch) {
  const rows = `/batches/${batch.batch_id}/rows?limit=1&status=payable`;
  const { body } = await callApi("demo-preparer", "GET", rows);
  await post("demo-preparer", "/holds", {
    kind: "person",
    row_id: body.items[0].row_id,
    id: "",
    institution_id: "",
    evidence: "",
    last_day: null,
    reason: "on unpaid leave",
    dry_run: false,
  });
}
