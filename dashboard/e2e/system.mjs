// What the scripts do to the running system without a browser: rosters, batches, the simulator.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { BASE_URL, callApi } from "./browser.mjs";
import { waitUntil } from "./steps.mjs";

export const SIMULATOR_URL = process.env.SIMULATOR_URL ?? "http://127.0.0.1:8200";
export const repository = new URL("../../", import.meta.url).pathname;
/** For files of this script; removed when it ends. */
export const workFolder = mkdtempSync(join(tmpdir(), "paydown-e2e-"));
process.on("exit", () => rmSync(workFolder, { recursive: true, force: true }));

/** Runs a Python module of this repository and returns what it prints. */
export function runPython(module, ...args) {
  return execFileSync(join(repository, ".venv/bin/python"), ["-m", module, ...args], {
    cwd: repository,
    encoding: "utf8",
  });
}

/** The path of a generated roster with so many rows. Its contents are new each time. */
export function makeRoster(rows, name = "roster.xml") {
  const file = join(workFolder, name);
  const seed = String(Date.now() % 1_000_000_000);
  runPython("devtools.sample_roster", String(rows), "--seed", seed, "-o", file);
  return file;
}

export async function getBatch(id) {
  return (await callApi("demo-auditor", "GET", `/batches/${id}`)).body;
}

/** Waits until a batch has one of these statuses, and returns the batch. */
export function waitForStatus(id, ...statuses) {
  return waitUntil(`batch ${id} is ${statuses.join(" or ")}`, async () => {
    const batch = await getBatch(id);
    return statuses.includes(batch.status) && batch;
  });
}

/** Uploads a roster as the preparer, and returns the id of its batch. */
export async function uploadRoster(file, { period, reason } = {}) {
  const query = new URLSearchParams({
    filename: basename(file),
    ...(period ? { period } : {}),
    ...(reason ? { repeat_reason: reason } : {}),
  });
  const answer = await fetch(`${BASE_URL}/api/v1/batches?${query}`, {
    method: "POST",
    body: readFileSync(file),
    headers: { Authorization: "Bearer demo-preparer" },
  });
  assert.equal(answer.status, 202);
  return (await answer.json()).batch_id;
}

/** Uploads a roster and accepts its corrections. Returns the batch when it is ready to approve. */
export async function uploadReadyBatch(file, options) {
  const batch = await waitForStatus(await uploadRoster(file, options), "ready");
  return batch.corrections_offered.length > 0 ? acceptCorrections(batch) : batch;
}

/** Accepts what is offered. Returns the batch when it is ready again, with another digest. */
export async function acceptCorrections(batch, tries = 120) {
  const { batch_id: id, corrections_offered: corrections, digest } = batch;
  await callApi("demo-preparer", "POST", `/batches/${id}/corrections`, { corrections });
  return waitUntil(
    `batch ${id} is corrected`,
    async () => {
      const now = await getBatch(id);
      return now.status === "ready" && now.digest !== null && now.digest !== digest && now;
    },
    tries,
  );
}

/** Approves a batch with all its warnings, as the approver. */
export async function approveBatch({ batch_id: id, digest, to_acknowledge: acknowledge }) {
  const { status, body } = await callApi("demo-approver", "POST", `/batches/${id}/approve`, {
    digest,
    acknowledge,
  });
  assert.equal(status, 200, JSON.stringify(body));
}

/** Changes how the simulated provider behaves: `what` is faults, outcomes … of its control API. */
export async function controlSimulator(method, what, rules) {
  const answer = await fetch(`${SIMULATOR_URL}/_simulator/${what}`, {
    method,
    ...(rules
      ? { body: JSON.stringify(rules), headers: { "Content-Type": "application/json" } }
      : {}),
  });
  assert.ok(answer.ok, await answer.text());
}

/** Makes the provider take so many seconds for each payment, until the faults are deleted. */
export function slowPayments(seconds) {
  return controlSimulator("PUT", "faults", {
    seed: 1,
    rules: [{ method: "POST", path: "/payments", share: 1, fault: "delay", seconds }],
  });
}
