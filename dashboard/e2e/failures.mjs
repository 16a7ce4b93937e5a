// What goes wrong, on real cases: payments that fail, come back or are held, messages that no
// service can apply, rows that another batch pays, a lost connection.
//
// KAFKA is the broker's address, KEYS the folder of the stack's keys.json; SIMULATOR_URL is the
// simulated provider's.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { callApi, launchBrowser, waitUntilLoaded } from "./browser.mjs";
import { mainText, openPeople, sleep, step, waitUntil } from "./steps.mjs";
import {
  approveBatch,
  controlSimulator,
  getBatch,
  makeRoster,
  runPython,
  uploadReadyBatch,
  waitForStatus,
  workFolder,
} from "./system.mjs";

const PERIOD = "2026-12-07";
const FAILURES = ["failed", "reversed", "held"];
const COUNT = /^[\d,]+$/;
const browser = await launchBrowser();
const { pageOf, allErrors } = openPeople(browser);
const preparer = await pageOf("demo-preparer");
const approver = await pageOf("demo-approver");
const operator = await pageOf("demo-operator");

/**
 * Payments that fail, and payments that fail after they were sent, which are returns. The servicer
 * refuses them: a refusal of the bank would stop the source account.
 */
const OUTCOMES = [
  { share: 0.15, status: "failed", error_code: 10009 },
  { share: 0.1, status: "failed", error_code: 10010, after: "sent" },
];
/** An answer that leaves a payment in doubt. */
const FAULT = {
  method: "POST",
  path: "/payments",
  share: 0.12,
  fault: "status",
  status: 404,
  execute: false,
  stored: true,
};

const file = makeRoster(80);
const { batch_id: batchId } = await step("a batch is approved that meets failures", async () => {
  await controlSimulator("PUT", "outcomes", { seed: 7, rules: OUTCOMES });
  await controlSimulator("PUT", "faults", { seed: 7, rules: [FAULT] });
  const batch = await uploadReadyBatch(file, { period: PERIOD });
  await approver.goto(`/batches/${batch.batch_id}/live`);
  await approveBatch(batch);
  return batch;
});
const batchPath = `/batches/${batchId}`;
const currentBatch = () => getBatch(batchId);

/** Opens the dialog and leaves it, so that it is loaded before the network is taken away. */
async function openDialogOnce() {
  const dialog = approver.getByRole("dialog");
  await approver.getByRole("button", { name: "Pause" }).click();
  await dialog.getByLabel(/Reason/).waitFor();
  await approver.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
}

/** Tries to pause the batch while there is no network; the page must not say that nothing was done. */
async function pauseWithoutNetwork() {
  const dialog = approver.getByRole("dialog");
  await approver.getByRole("button", { name: "Pause" }).click();
  await dialog.getByLabel(/Reason/).fill("given without a network");
  await dialog.getByRole("button", { name: "Pause" }).click();
  await dialog
    .getByRole("alert")
    .getByText("We do not know whether your request was carried out.")
    .waitFor();
  await approver.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
}

await step("the live tab says that its connection is lost, and recovers", async () => {
  await approver.goto(`${batchPath}/live`);
  await approver.getByText("Live. The newest change is of").waitFor();
  await openDialogOnce();
  let streams = 0;
  const countStream = (request) => {
    if (/\/api\/.*\/live$/.test(request.url())) streams += 1;
  };
  approver.on("request", countStream);
  await approver.context().setOffline(true);
  const lost = approver.getByText("Connection lost; reconnecting. Figures as of");
  await lost.waitFor({ timeout: 20_000 });
  assert.match(
    (await lost.textContent()) ?? "",
    /as of .*\d:\d\d [AP]M C[SD]T.*nothing is sent twice/,
  );
  await pauseWithoutNetwork();
  await approver.context().setOffline(false);
  await approver
    .getByText(/Live\. The newest change is of|This batch has ended\./)
    .waitFor({ timeout: 30_000 });
  assert.ok(streams > 0, "another stream was opened");
  approver.off("request", countStream);
  assert.notEqual(
    (await currentBatch()).status,
    "paused",
    "a request without a network was stored and sent later",
  );
  await waitUntil("the live figures are those of the batch", async () => {
    const completed = String((await currentBatch()).payments.completed);
    const link = approver.getByRole("link", { name: completed, exact: true });
    return (await approver.getByRole("row").filter({ has: link }).count()) > 0;
  });
});

await step("while the sending service is away, the live tab says what that means", async () => {
  const limiter = /\/ops\/limiter$/;
  await approver.route(limiter, (route) =>
    route.fulfill({
      status: 503,
      contentType: "application/problem+json",
      body: '{"code":"dispatcher.away"}',
    }),
  );
  const away = approver.getByText("The service that sends payments does not answer.");
  await away.waitFor({ timeout: 20_000 });
  const text = await mainText(approver);
  assert.match(text, /Until it is back, no new payments are sent\./);
  assert.match(text, /Payments that were already sent are not lost and not sent twice/);
  await approver.unroute(limiter);
  await away.waitFor({ state: "detached", timeout: 20_000 });
});

const ended = await step(
  "only held payments are left, and the page says what they are",
  async () => {
    let [reversed, unchanged] = [0, 0];
    await waitUntil("only held payments are left, and no more come back", async () => {
      const { payments } = await currentBatch();
      const { unprocessed, sending, pending, in_doubt: inDoubt } = payments;
      unchanged = payments.reversed === reversed ? unchanged + 1 : 0;
      reversed = payments.reversed;
      const unfinished = unprocessed + sending + pending + inDoubt;
      return unchanged >= 8 && reversed > 0 && payments.held > 0 && unfinished === 0;
    });
    const batch = await currentBatch();
    const { payments } = batch;
    for (const status of FAILURES)
      assert.ok(payments[status] > 0, `no payment is ${status}: ${JSON.stringify(payments)}`);
    await preparer.goto(batchPath);
    await waitUntilLoaded(preparer);
    const text = await mainText(preparer);
    assert.match(text, /No more payments are sent automatically: the rest waits for people/);
    assert.match(text, new RegExp(`(${payments.held} payments are|One payment is) held \\(.*\\):`));
    assert.match(text, /we could not find out whether the provider made (it|them)/);
    assert.match(text, /Nothing is sent until two people decide/);
    return batch;
  },
);

/** Follows a number to its list, and counts the list. */
async function followCount(page, link) {
  const count = Number((await link.textContent()).replaceAll(",", ""));
  const before = page.url();
  await link.click();
  await page.waitForURL((url) => url.href !== before);
  await waitUntilLoaded(page);
  // The grid draws its rows piece by piece after it has loaded.
  const rows = page.locator("[data-rowindex]");
  for (let tries = 0; tries < 50 && (await rows.count()) < count; tries += 1) await sleep(100);
  const listed = await rows.count();
  await page.goto(before);
  await waitUntilLoaded(page);
  return { count, listed };
}

await step("failures are grouped by cause; each number leads to exactly its payments", async () => {
  await preparer.goto(`${batchPath}/failures`);
  await waitUntilLoaded(preparer);
  const links = preparer.getByRole("table").getByRole("link", { name: COUNT });
  const groups = await links.count();
  assert.ok(groups >= FAILURES.length, `${groups} groups`);
  let total = 0;
  for (let n = 0; n < groups; n += 1) {
    const { count, listed } = await followCount(preparer, links.nth(n));
    assert.equal(listed, count, `group ${n} says ${count} and leads to ${listed}`);
    total += count;
  }
  const expected = FAILURES.reduce((sum, status) => sum + ended.payments[status], 0);
  assert.equal(total, expected);
});

await step("failed payments get a batch of their own, which nobody has approved", async () => {
  await preparer.goto(`${batchPath}/failures`);
  const row = preparer.getByRole("row").filter({ hasText: "Failed" }).first();
  const count = Number(await row.getByRole("link", { name: COUNT }).textContent());
  await row.getByRole("button").click();
  const dialog = preparer.getByRole("dialog");
  await dialog.getByLabel(/Reason/).fill("the servicer has confirmed the account");
  await dialog.getByRole("button").last().click();
  await preparer.waitForURL(
    ({ pathname }) => /\/batches\/[0-9a-f-]+$/.test(pathname) && !pathname.endsWith(batchId),
  );
  const childId = preparer.url().split("/").at(-1);
  const child = await waitForStatus(childId, "ready");
  assert.equal(child.parent_batch_id, batchId);
  assert.equal(child.rows.payable, count);
  await preparer.getByText("No money has gone out.").waitFor();
  const discard = { reason: "this was a trial" };
  await callApi("demo-preparer", "POST", `/batches/${childId}/discard`, discard);
});

/** Fills in and sends the form of a held payment. */
async function decide(page, button) {
  await page
    .getByLabel("Your decision")
    .selectOption({ label: "It was never made: close it without paying" });
  await page.getByLabel(/Reason/).fill("the provider says that it has no such payment");
  await page.getByRole("button", { name: button }).click();
}

await step("a held payment ends by two people, the second an approver; not by one", async () => {
  const list = await callApi("demo-auditor", "GET", `${batchPath}/payments?status=held&limit=1`);
  const payment = `/payments/${list.body.items[0].payment_id}`;
  const status = async () => (await callApi("demo-auditor", "GET", payment)).body.status;
  const propose = async () => {
    await decide(preparer, "Propose this decision");
    await preparer.getByText("Another person, an approver, has to confirm it.").waitFor();
  };
  await preparer.goto(payment);
  await preparer.getByRole("heading", { name: "Decide about this held payment" }).waitFor();
  await propose();
  await propose();
  assert.equal(await status(), "held", "one person alone has ended it");
  await approver.goto(payment);
  await approver.getByText("If you make the same decision, it takes effect.").waitFor();
  await decide(approver, "Confirm this decision");
  await waitUntil("the payment is cancelled", async () => (await status()) === "cancelled");
  await approver.getByText("Cancelled").first().waitFor();
});

async function deadLetters() {
  return (await callApi("demo-operator", "GET", "/ops/dead-letters")).body.items;
}

async function waitingDeadLetters() {
  return (await deadLetters()).filter((letter) => !letter.redriven_at);
}

/** Applies a dead letter again in the browser. */
async function redrive({ service, code }) {
  await operator
    .getByRole("row")
    .filter({ hasText: service })
    .filter({ hasText: code })
    .filter({ has: operator.getByRole("button") })
    .first()
    .getByRole("button")
    .click();
  await operator.getByRole("dialog").getByRole("button").last().click();
}

/** Both bad messages are dead letters of three services. */
async function publishBadMessages() {
  assert.ok(process.env.KAFKA, "KAFKA is the address of the broker");
  assert.ok(process.env.KEYS, "KEYS is the folder of the stack's keys.json");
  runPython("dashboard.e2e.publish_bad_messages", process.env.KAFKA, batchId, process.env.KEYS);
  await waitUntil(
    "there are six dead letters",
    async () => (await waitingDeadLetters()).length >= 6,
  );
}

await step("a dead letter is applied again if its cause is gone, and refused if not", async () => {
  const curable = { service: "reports", code: "event.no-id" };
  const dialog = operator.getByRole("dialog");
  await publishBadMessages();
  await operator.goto("/");
  await operator
    .getByText(/dead letters?/i)
    .first()
    .waitFor();
  await operator.goto("/operations");
  await waitUntilLoaded(operator);
  await redrive(curable);
  await dialog.waitFor({ state: "detached" });
  await operator
    .getByText(/demo-operator/)
    .first()
    .waitFor();
  assert.ok((await deadLetters()).some((letter) => letter.redriven_by === "demo-operator"));
  const incurable = (await waitingDeadLetters()).find(
    ({ service, code }) => service === curable.service && code === "message.signature",
  );
  await redrive(incurable);
  await dialog.getByRole("alert").waitFor();
  await operator.keyboard.press("Escape");
  const still = (await waitingDeadLetters()).map((letter) => letter.dead_letter_id);
  assert.ok(still.includes(incurable.dead_letter_id), "what is still wrong stays a dead letter");
  for (const { code, dead_letter_id: id } of await waitingDeadLetters())
    if (code === curable.code)
      await callApi("demo-operator", "POST", `/ops/dead-letters/${id}/redrive`);
});

/** The file again, in other bytes: its rows are excluded, because the first batch pays them. */
async function uploadAgain() {
  await controlSimulator("DELETE", "outcomes");
  await controlSimulator("DELETE", "faults");
  const copy = join(workFolder, "again.xml");
  writeFileSync(copy, `${readFileSync(file, "utf8").trimEnd()}\n\n`);
  return uploadReadyBatch(copy, { period: PERIOD, reason: "sent again by payroll" });
}

const second = await step("rows that another batch pays are excluded, and counted", async () => {
  const batch = await uploadAgain();
  assert.ok(batch.rows.excluded > 0, JSON.stringify(batch.rows));
  await preparer.goto(`/batches/${batch.batch_id}/checks`);
  await waitUntilLoaded(preparer);
  const heading = preparer.getByRole("heading", { name: /^Excluded/ });
  const card = preparer.locator("main section").filter({ has: heading }).first();
  const links = card.getByRole("link", { name: COUNT });
  let total = 0;
  for (let n = 0; n < (await links.count()); n += 1)
    total += Number(await links.nth(n).textContent());
  assert.equal(total, batch.rows.excluded, "the groups add up to the number of excluded rows");
  return batch;
});

await step("the approver includes one excluded row, with a reason; only that is paid", async () => {
  await approver.goto(`/batches/${second.batch_id}/approval`);
  await waitUntilLoaded(approver);
  const include = approver.getByRole("checkbox", { name: /^Include row/ }).first();
  assert.equal(await include.isDisabled(), true, "a row cannot be included without a reason");
  await approver.getByLabel("Reason for including").fill("a second bonus, agreed with finance");
  await include.check();
  for (const box of await approver.locator("fieldset").getByRole("checkbox").all())
    await box.check();
  await approver.getByRole("button", { name: /^Approve \d/ }).click();
  const dialog = approver.getByRole("dialog");
  await dialog.getByText("Pay this batch?").waitFor();
  await dialog.getByText("You chose to include one excluded row as well.").waitFor();
  await dialog.getByRole("button", { name: "Yes, approve and pay" }).click();
  await approver.waitForURL(/\/live$/, { timeout: 30_000 });
  const batch = await waitForStatus(second.batch_id, "completed", "completed_with_failures");
  assert.equal(batch.payments.total, second.rows.payable + 1);
  assert.equal(batch.payments.completed, batch.payments.total);
});

await browser.close();
assert.deepEqual(allErrors(), [], "no page reported an error");
console.log("every failure was shown as it is");
