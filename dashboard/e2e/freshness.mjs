// Every page with figures says as of when they are. When the service that sends payments is away,
// every page says so within a minute, names it, and is never "Live". When it is back, they are
// quiet again.
//
// SUPERVISOR_URL is the address of the stack's supervisor; without it nothing is stopped.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { launchBrowser, waitUntilLoaded } from "./browser.mjs";
import { mainText, openPeople, step } from "./steps.mjs";
import {
  approveBatch,
  controlSimulator,
  makeRoster,
  repository,
  uploadReadyBatch,
  waitForStatus,
} from "./system.mjs";

const QUIET = /Figures as of .*\d:\d\d:\d\d [AP]M C[SD]T/;
const OLD = /not up to date|not known as of when/;
const browser = await launchBrowser();
const { pageOf, allErrors } = openPeople(browser);
const reader = await pageOf("demo-auditor");

const batchId = await step("a batch is being paid", async () => {
  // Payments that are being processed do not end, so the batch is under way until the end of this script.
  await controlSimulator("PUT", "outcomes", {
    seed: 1,
    rules: [{ share: 1, status: "processing" }],
  });
  const batch = await uploadReadyBatch(makeRoster(40, "freshness.xml"));
  await approveBatch(batch);
  await waitForStatus(batch.batch_id, "paying");
  return batch.batch_id;
});

const batch = `/batches/${batchId}`;
const PAGES = [
  "/",
  "/batches",
  ...["", "/rows", "/checks", "/live", "/payments", "/failures", "/activity", "/reports"].map(
    (tab) => batch + tab,
  ),
  "/ledger",
  "/ledger/journals",
  "/reconciliation",
  "/operations",
];

async function textOf(path) {
  await reader.goto(path);
  await waitUntilLoaded(reader);
  await reader.getByText(/Figures as of|These figures are not|It is not known as of/).waitFor();
  return mainText(reader);
}

await step("every page with figures says as of when they are, to the second", async () => {
  for (const path of PAGES) {
    const text = await textOf(path);
    assert.match(text, QUIET, path);
    assert.doesNotMatch(text, OLD, path);
  }
});

await step("pages without figures of others have no such line", async () => {
  for (const path of ["/audit", "/settings"]) {
    await reader.goto(path);
    await waitUntilLoaded(reader);
    assert.doesNotMatch(await mainText(reader), /Figures as of/, path);
  }
});

await step("a page that stays open reads its figures again", async () => {
  await reader.goto("/ledger");
  const line = reader.getByText(QUIET);
  const before = await line.textContent();
  await reader.waitForFunction(
    (old) => !document.querySelector("main").textContent.includes(old),
    before,
    { timeout: 45_000 },
  );
  assert.doesNotMatch(await mainText(reader), OLD);
});

/** Has the supervisor start or stop the dispatcher. */
function supervise(command) {
  const args = ["-s", process.env.SUPERVISOR_URL, command, "dispatcher"];
  execFileSync(join(repository, ".venv/bin/supervisorctl"), args);
}

if (!process.env.SUPERVISOR_URL)
  console.log("!!! SKIPPED: SUPERVISOR_URL is not set, so no service was stopped");
else {
  await reader.goto(`${batch}/live`);
  await reader.getByText(/^Live\./).waitFor();
  supervise("stop");
  try {
    await step("an open page names the service that is away, and is not live", async () => {
      await reader.getByText("The service “dispatcher” does not answer.").waitFor({
        timeout: 75_000,
      });
      await reader.getByText(/^Not live: a part of the system is behind/).waitFor();
      assert.equal(await reader.getByText(/^Live\./).count(), 0);
    });
    await step("so do other pages, also one that cannot be read now", async () => {
      for (const path of ["/", "/batches", batch, "/ledger", "/operations"]) {
        const text = await textOf(path);
        assert.match(text, OLD, path);
        assert.match(text, /“dispatcher” does not answer/, path);
        assert.doesNotMatch(text, /Live\. The newest/, path);
        if (path === batch) assert.match(text, /An order to pause or cancel .* not known here/);
      }
      if (process.env.OUT) await reader.screenshot({ path: join(process.env.OUT, "old.png") });
    });
  } finally {
    supervise("start");
  }
  await step("when it is back, the page is live again", async () => {
    await reader.goto(`${batch}/live`);
    await reader.getByText(/^Live\./).waitFor({ timeout: 90_000 });
    await reader.getByText(QUIET).waitFor();
  });
}
await controlSimulator("DELETE", "outcomes");
assert.deepEqual(allErrors(), []);
await browser.close();
