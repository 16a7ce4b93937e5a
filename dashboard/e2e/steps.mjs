// What the scripts share: named steps, people, files, and what of the system has to be waited for.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { api, as, BASE_URL, SIMULATOR_URL } from "./browser.mjs";

export const root = new URL("../../", import.meta.url).pathname;
export const folder = mkdtempSync(join(tmpdir(), "paydown-e2e-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

export async function step(name, work) {
  const began = Date.now();
  const result = await work();
  console.log(`ok  ${name} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
  return result;
}

/** Opens pages as people and keeps what goes wrong in them. */
export function people(browser) {
  const faults = [];
  return {
    faults,
    async person(id, options) {
      const opened = await as(browser, id, options);
      faults.push(opened.faults);
      return opened.page;
    },
  };
}

export function python(module, ...words) {
  return execFileSync(join(root, ".venv/bin/python"), ["-m", module, ...words], {
    cwd: root,
    encoding: "utf8",
  });
}

/** A generated roster of so many rows that no other run has seen. */
export function roster(rows, name = "roster.xml") {
  const file = join(folder, name);
  python(
    "devtools.sample_roster",
    String(rows),
    "--seed",
    String(Date.now() % 1_000_000_000),
    "-o",
    file,
  );
  return file;
}

/** Until something is true; it is asked for twice a second, for a minute. */
export async function until(what, check, tries = 120) {
  for (let n = 0; n < tries; n += 1) {
    const found = await check();
    if (found) return found;
    await new Promise((done) => {
      setTimeout(done, 500);
    });
  }
  throw new Error(`it did not come true: ${what}`);
}

export const batchOf = async (id) => (await api("demo-auditor", "GET", `/batches/${id}`)).body;
export const reach = (id, ...states) =>
  until(`batch ${id} is ${states.join(" or ")}`, async () => {
    const batch = await batchOf(id);
    return states.includes(batch.status) && batch;
  });

/** A batch by the API alone, its corrections made, ready to be approved. */
export async function ready(file, { period, reason } = {}) {
  const { readFileSync } = await import("node:fs");
  const query = new URLSearchParams({
    filename: file.split("/").at(-1),
    ...(period ? { period } : {}),
    ...(reason ? { repeat_reason: reason } : {}),
  });
  const answer = await fetch(`${BASE_URL}/api/v1/batches?${query}`, {
    method: "POST",
    body: readFileSync(file),
    headers: { Authorization: "Bearer demo-preparer" },
  });
  const { batch_id: id } = await answer.json();
  assert.equal(answer.status, 202);
  const batch = await reach(id, "ready");
  if (batch.corrections_offered.length === 0) return batch;
  await api("demo-preparer", "POST", `/batches/${id}/corrections`, {
    corrections: batch.corrections_offered,
  });
  await until("the corrections are made", async () => {
    const now = await batchOf(id);
    return now.digest !== null && now.digest !== batch.digest;
  });
  return reach(id, "ready");
}

export async function approve({ batch_id: id, digest, to_acknowledge: acknowledge }) {
  const { status, body } = await api("demo-approver", "POST", `/batches/${id}/approve`, {
    digest,
    acknowledge,
  });
  assert.equal(status, 200, JSON.stringify(body));
}

/** What the provider's stand-in is to do from now on. */
export async function provider(method, what, order) {
  const answer = await fetch(`${SIMULATOR_URL}/_simulator/${what}`, {
    method,
    ...(order
      ? { body: JSON.stringify(order), headers: { "Content-Type": "application/json" } }
      : {}),
  });
  assert.ok(answer.ok, await answer.text());
}
