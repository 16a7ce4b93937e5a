// A batch from its upload to its reports in a real browser: uploaded, corrected, approved by another
// person, paid while its dispatcher is killed, and its reports added up. Also what must be refused.
//
// ROWS is the size of the roster (400). SUPERVISOR_URL is the address of the stack's supervisor;
// without it no service is killed.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import { callApi, launchBrowser, openPage, waitUntilLoaded } from "./browser.mjs";
import { mainText, openPeople, sleep, step, waitUntil } from "./steps.mjs";
import {
  controlSimulator,
  getBatch,
  makeRoster,
  repository,
  slowPayments,
  waitForStatus,
  workFolder,
} from "./system.mjs";

const file = makeRoster(Number(process.env.ROWS ?? "400"));
const browser = await launchBrowser();
const { pageOf, allErrors } = openPeople(browser);
const preparer = await pageOf("demo-preparer");
const approver = await pageOf("demo-approver");

async function chooseFile(page, path = file) {
  await page.goto("/upload");
  await page.setInputFiles("input[type=file]", path);
  await page.getByRole("heading", { name: basename(path), exact: true }).waitFor();
}

const batchId = await step("a roster is uploaded and watched while it is read", async () => {
  await chooseFile(preparer);
  await preparer.getByRole("button", { name: "Upload", exact: true }).click();
  await preparer
    .getByText("No money has gone out: another person has to approve")
    .waitFor({ timeout: 60_000 });
  await preparer.getByRole("link", { name: "Open the batch" }).click();
  await preparer.getByText("All sums agree.").waitFor();
  return /batches\/([0-9a-f-]{36})/.exec(preparer.url())[1];
});
const currentBatch = () => getBatch(batchId);

await step("the same file again is stopped before a byte is sent", async () => {
  let uploads = 0;
  const countUpload = (request) => {
    if (request.method() === "POST" && request.url().includes("/api/v1/batches")) uploads += 1;
  };
  preparer.on("request", countUpload);
  await chooseFile(preparer);
  await preparer.getByText("This file was uploaded before:").waitFor();
  const again = preparer.getByRole("button", { name: "Upload again on purpose" });
  assert.equal(await again.isDisabled(), true);
  assert.equal(uploads, 0);
  preparer.off("request", countUpload);
});

await step("another browser is warned too; without the list the server refuses it", async () => {
  const other = await pageOf("demo-preparer");
  const zipped = join(workFolder, "roster.xml.gz");
  writeFileSync(zipped, gzipSync(readFileSync(file)));
  await chooseFile(other, zipped);
  await other.getByText("This file was uploaded before:").waitFor();
  await other.route(/batches\?.*sha256=/, (route) =>
    route.fulfill({ status: 503, contentType: "application/problem+json", body: "{}" }),
  );
  await chooseFile(other);
  await other.getByRole("button", { name: "Upload", exact: true }).click();
  await other.getByText("The system already has this file").waitFor({ timeout: 30_000 });
  await other.context().close();
});

await step("the preparer cannot approve, and sees why", async () => {
  await preparer.goto(`/batches/${batchId}/approval`);
  await preparer
    .getByText("You uploaded this batch, so another person has to approve it")
    .waitFor();
  assert.equal(await preparer.getByRole("button", { name: /^Approve/ }).count(), 0);
});

await step("suggested corrections are accepted, and the batch is checked again", async () => {
  await preparer.goto(`/batches/${batchId}/checks`);
  await preparer.getByRole("button", { name: /^Accept/ }).click();
  await preparer
    .getByRole("dialog")
    .getByRole("button", { name: /^Accept/ })
    .click();
  await preparer.getByText(/corrections? made/).waitFor({ timeout: 60_000 });
  await waitForStatus(batchId, "ready");
});

/** Replaces a value of a correction by another one, and waits until the batch is ready again. */
async function changeCorrection({ source_account_id, field }, from, to) {
  const corrections = [{ source_account_id, field, from, to }];
  const answer = await callApi("demo-preparer", "POST", `/batches/${batchId}/corrections`, {
    corrections,
  });
  await waitForStatus(batchId, "ready");
  return answer;
}

const approveButton = approver.getByRole("button", { name: /^Approve \d/ });
const confirmButton = approver.getByRole("button", { name: "Yes, approve and pay" });
const tickAll = async () => {
  for (const box of await approver.getByRole("checkbox").all()) await box.check();
};

await step(
  "a batch that changes meanwhile is not approved; the differences are shown",
  async () => {
    await approver.goto(`/batches/${batchId}/approval`);
    await approveButton.waitFor({ timeout: 60_000 });
    await tickAll();
    const [made] = (await currentBatch()).corrections;
    const changed = await changeCorrection(made, made.to, made.from);
    assert.equal(changed.status, 200, JSON.stringify(changed.body));
    if (await approveButton.isEnabled()) {
      await approveButton.click();
      await confirmButton.click();
    }
    // A refused click says so as well, so the sentence may stand twice.
    await approver
      .getByText("The batch has changed since you looked at it.")
      .first()
      .waitFor({ timeout: 60_000 });
    assert.equal((await currentBatch()).approved_by, null);
    await changeCorrection(made, made.from, made.to);
  },
);

/** The process of the dispatcher, asked for when it is needed: a restart gives it another number. */
function dispatcherProcess() {
  if (!process.env.SUPERVISOR_URL) return null;
  const args = ["-s", process.env.SUPERVISOR_URL, "pid", "dispatcher"];
  const pid = Number(
    execFileSync(join(repository, ".venv/bin/supervisorctl"), args, { encoding: "utf8" }),
  );
  assert.ok(pid > 1, `the dispatcher does not run: ${pid}`);
  return pid;
}

/** Kills the dispatcher once some payments were sent and others were not. */
async function killWhilePaying(pid) {
  for (let tries = 0; tries < 1_200; tries += 1) {
    const { payments } = await currentBatch();
    if (!payments) {
      await sleep(500); // a loaded machine: the gateway asks to come again later
      continue;
    }
    const { unprocessed, sending, total } = payments;
    const left = unprocessed + sending;
    if (left > 0 && left < total) {
      process.kill(pid, "SIGKILL");
      await controlSimulator("DELETE", "faults");
      console.log(`    dispatcher (${pid}) killed with ${left} of ${total} payments not yet sent`);
      return;
    }
    assert.ok(
      total === 0 || left > 0,
      "all payments were sent before the dispatcher could be killed: give more ROWS",
    );
    await sleep(50);
  }
  throw new Error("no payment was sent within a minute");
}

const dispatcher = dispatcherProcess();
const approved = await step("another person approves exactly what is shown", async () => {
  await approver.goto(`/batches/${batchId}/approval`);
  await waitUntilLoaded(approver);
  await approveButton.waitFor({ timeout: 60_000 });
  assert.equal(await approveButton.isDisabled(), true, "nothing is ticked yet");
  await tickAll();
  const batch = await currentBatch();
  const label = await approveButton.textContent();
  assert.ok(
    label.includes(String(batch.rows.payable)),
    `${label} names ${batch.rows.payable} rows`,
  );
  await approveButton.click();
  // On a loaded machine it takes seconds to see the first payment; something must be left then.
  if (dispatcher !== null) await slowPayments(2);
  await Promise.all([
    dispatcher === null ? undefined : killWhilePaying(dispatcher),
    confirmButton.click(),
  ]);
  await approver.waitForURL(/\/live$/, { timeout: 30_000 });
  return batch;
});

/** What the live tab says of its figures; one of these is always there. */
const FRESHNESS =
  /Live\. The newest change is of|Not live: a part|Connection lost; reconnecting|Connecting|This batch has ended/;

async function checkFreshness() {
  for (let looks = 0; looks < 12; looks += 1) {
    const text = await mainText(approver);
    assert.match(text, FRESHNESS, "the page does not say whether its figures are live");
    if (text.includes("This batch has ended"))
      assert.ok(
        (await currentBatch()).status.startsWith("completed"),
        "the page says that the batch has ended, but it has not",
      );
    await approver.waitForTimeout(250);
  }
}

if (dispatcher === null)
  console.log("!!! SKIPPED: SUPERVISOR_URL is not set, so no service was killed");
else
  await step(
    "while the dispatcher is away, the page says how fresh its figures are",
    checkFreshness,
  );

await step("the payments are followed to their end; all that was approved is paid", async () => {
  await approver.getByText("This batch has ended.").waitFor({ timeout: 180_000 });
  const { status, payments, payment_amount_cents: cents } = await currentBatch();
  assert.ok(status.startsWith("completed"), status);
  assert.equal(cents.total, approved.amount_cents.payable);
  assert.equal(
    payments.completed + payments.failed + payments.reversed,
    payments.total,
    "every payment has ended",
  );
  assert.ok(payments.completed > 0);
});

/** The sum of the column `amount` of a CSV report, in cents. */
function sumOfReport(path) {
  const [head, ...lines] = readFileSync(path, "utf8")
    .trim()
    .split("\r\n")
    .map((line) => line.match(/("([^"]|"")*"|[^,]*)(,|$)/g))
    .map((cells) => cells.map((cell) => cell.replace(/,$/, "")));
  const column = head.indexOf("amount");
  return lines.reduce((sum, cells) => sum + Number(cells[column].replace(".", "")), 0);
}

await step("reports are downloaded and add up to the file", async () => {
  await preparer.goto(`/batches/${batchId}/reports`);
  for (const name of ["sources", "branches", "payments"]) {
    const [download] = await Promise.all([
      preparer.waitForEvent("download", { timeout: 60_000 }),
      preparer.getByRole("button", { name: `Download ${name}.csv` }).click(),
    ]);
    const cents = sumOfReport(await download.path());
    assert.equal(cents, approved.amount_cents.total, `${name}.csv adds up to ${cents}`);
  }
});

await step("rows: search, filter and order are in the address and survive a reload", async () => {
  const firstRow = async () => {
    await preparer.getByRole("gridcell").first().waitFor();
    await waitUntilLoaded(preparer); // the payments of the rows come after the rows
    return preparer.getByRole("row").nth(1).textContent();
  };
  await preparer.goto(`/batches/${batchId}/rows?status=payable&sort=-amount_cents`);
  const before = await firstRow();
  await preparer.reload();
  assert.equal(await firstRow(), before);
});

await step("pages of a list are reached one by one, and the last one at once", async () => {
  const firstRowNumber = async () => {
    const cell = preparer.locator('[data-rowindex="0"] [data-field="file_row"]');
    return Number((await cell.textContent()).replaceAll(",", ""));
  };
  await preparer.goto(`/batches/${batchId}/rows`);
  await waitUntilLoaded(preparer);
  for (const [button, page] of [
    ["Next", 2],
    ["Last", Math.ceil(approved.rows.total / 100)],
  ]) {
    await preparer.getByRole("button", { name: button }).click();
    await preparer.waitForURL(new RegExp(`page=${page}\\b`));
    await waitUntil(
      `page ${page} is shown`,
      async () => (await firstRowNumber()) === (page - 1) * 100 + 1,
      20,
    );
  }
});

await step("an auditor cannot upload; a preparer cannot read the audit log", async () => {
  const auditor = await pageOf("demo-auditor");
  await auditor.goto("/upload");
  await auditor.getByText("Only preparers can upload rosters").waitFor();
  await preparer.goto("/audit");
  await preparer.getByText("Only auditors and administrators").waitFor();
  await auditor.goto("/audit");
  await auditor.getByText("The log is intact").waitFor();
  await auditor.context().close();
});

await step("ten tabs share one live stream; when its tab closes, the next takes over", async () => {
  const { context } = await openPage(browser, "demo-auditor");
  const leaders = [];
  context.on("request", (request) => {
    if (/\/api\/.*\/live$/.test(request.url())) leaders.push(request.frame().page());
  });
  const tabs = [];
  for (let n = 0; n < 10; n += 1) {
    const tab = await context.newPage();
    await tab.addInitScript(() => sessionStorage.setItem("paydown.demo-person", "demo-auditor"));
    await tab.goto(`/batches/${batchId}/live`);
    tabs.push(tab);
  }
  for (const tab of tabs) await tab.getByText("This batch has ended.").waitFor({ timeout: 30_000 });
  assert.equal(leaders.length, 1, `${leaders.length} streams`);
  await leaders[0].close(); // the tab that got the lock, which is not always the first one
  await waitUntil("the next tab takes over", () => leaders.length === 2, 30);
  assert.notEqual(leaders[1], leaders[0]);
  await context.close();
});

await browser.close();
assert.deepEqual(allErrors(), [], "no page reported an error");
console.log("everything went as it should");
