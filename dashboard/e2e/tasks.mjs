// The ten tasks of a pay day, done with mouse, finger and keys as people do them. Each begins on the
// home page. Prints a table of clicks, key presses and seconds, and fails when a task needs more
// clicks than its limit. `-- --docs` writes the table into ../docs/hr-tasks.md.
//
// The seconds are those of the system and the browser: nobody reads or thinks here.
import assert from "node:assert/strict";
import { join } from "node:path";
import { callApi, launchBrowser, waitUntilLoaded } from "./browser.mjs";
import { cutOff, countedPage } from "./hand.mjs";
import { makeNextRoster } from "./rosters.mjs";
import { centsOf, readWorkbook, spreadsheetProgram } from "./spreadsheet.mjs";
import { openPeople, step, waitUntil } from "./steps.mjs";
import {
  approveBatch,
  controlSimulator,
  getBatch,
  makeRoster,
  slowPayments,
  uploadReadyBatch,
  waitForStatus,
  workFolder,
} from "./system.mjs";
import { printTasks, writeTasks } from "./taskTable.mjs";

const ROWS = 60;
const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
/** A failure of the servicer: one of the bank would stop the whole source account. */
const FAILURES = { seed: 7, rules: [{ share: 0.15, status: "failed", error_code: 10009 }] };

/**
 * The day of the earlier batch, in another year than today, as near as an upload may name it: half a
 * year back, a year ahead. The year's total of that other year is asked for below.
 */
const today = new Date();
const otherYear = today.getMonth() < 5 ? today.getFullYear() - 1 : today.getFullYear() + 1;
const EARLIER = today.getMonth() < 5 ? `${otherYear}-12-15` : `${otherYear}-01-12`;

const browser = await launchBrowser();
const { pageOf, allErrors } = openPeople(browser);
const atDesk = await countedPage(await pageOf("demo-preparer"));
const onPhone = await countedPage(await pageOf("demo-approver", PHONE));
const desk = atDesk.page;
const phone = onPhone.page;

const former = makeRoster(ROWS, "payroll-former.xml");
await step("made ready: a batch of another year, paid", async () => {
  const batch = await uploadReadyBatch(former, { period: EARLIER });
  await approveBatch(batch);
  await waitForStatus(batch.batch_id, "completed", "completed_with_failures");
  await controlSimulator("PUT", "outcomes", FAILURES);
});
/** New each time, so that the links to this batch cannot be those to another one. */
const FILE_NAME = `payroll-${Date.now()}.xml`;
const file = makeNextRoster(former, FILE_NAME);

const done = [];

/**
 * Does one task from the home page on, and counts. `work` does it and proves that it is done; what
 * it returns is returned.
 */
async function task(name, path, limit, { page, count }, work) {
  await page.goto("/");
  await waitUntilLoaded(page);
  Object.assign(count, { clicks: 0, keys: 0 });
  const began = Date.now();
  const result = await work();
  const seconds = (Date.now() - began) / 1_000;
  await page.evaluate(() => undefined); // every press has been counted when this answers
  if (page === phone) assert.equal(await cutOff(page), "", `${name}: ${page.url()}`);
  console.log(`ok  ${name} (${count.clicks} clicks, ${seconds.toFixed(1)} s)`);
  done.push({ name, path, limit, ...count, seconds, on: page === phone ? "phone" : "desk" });
  return result;
}

const button = (page, name) => page.getByRole("button", { name, exact: typeof name === "string" });
const inDialog = (page) => page.getByRole("dialog");
const taskLink = (page) => page.getByRole("link", { name: new RegExp(FILE_NAME) }).first();

const batchId = await task(
  "Upload a roster",
  "Upload a roster → Choose a file → Upload",
  3,
  atDesk,
  async () => {
    await desk.locator("main").getByRole("link", { name: "Upload a roster" }).click();
    const [chooser] = await Promise.all([
      desk.waitForEvent("filechooser"),
      button(desk, "Choose a file").click(),
    ]);
    await chooser.setFiles(file);
    await button(desk, "Upload").click();
    await desk.getByText("No money has gone out: another person has to approve").waitFor();
    const href = await desk.getByRole("link", { name: "Open the batch" }).getAttribute("href");
    return href.split("/").at(-1);
  },
);
const currentBatch = () => getBatch(batchId);

await task("See why rows are not paid", "the task of the batch", 1, atDesk, async () => {
  await taskLink(desk).click();
  const { body } = await callApi(
    "demo-preparer",
    "GET",
    `/batches/${batchId}/rows?status=unpayable&limit=1`,
  );
  await desk.locator("main").getByText(body.items[0].reason).first().waitFor();
});

await task(
  "Mend what can be mended",
  "the task → Accept these corrections → Accept",
  3,
  atDesk,
  async () => {
    const { corrections_offered: offered } = await currentBatch();
    await taskLink(desk).click();
    await button(desk, /^Accept th/).click();
    await inDialog(desk)
      .getByRole("button", { name: /^Accept/ })
      .click();
    await desk.getByText(/corrections? made/).waitFor({ timeout: 30_000 });
    const { corrections } = await waitForStatus(batchId, "ready");
    assert.equal(corrections.length, offered.length);
    assert.ok(offered.length > 0);
  },
);

await task(
  "See what changed since the last roster",
  "the task → Changes → the kind of change",
  3,
  atDesk,
  async () => {
    await taskLink(desk).click();
    await desk.getByRole("link", { name: "Changes", exact: true }).click();
    const amounts = desk.getByRole("row").filter({ hasText: "Different amount" }).first();
    await amounts.getByRole("link").click();
    const { body } = await callApi(
      "demo-preparer",
      "GET",
      `/batches/${batchId}/changes?kind=amount&limit=1`,
    );
    const [change] = body.items;
    await desk
      .getByRole("row")
      .filter({ hasText: `${change.first_name} ${change.last_name}` })
      .first()
      .waitFor();
  },
);

async function ask() {
  await taskLink(desk).click();
  await desk.getByRole("link", { name: "Ask for approval" }).click();
  await desk.locator("main").getByRole("button", { name: "Ask for approval" }).click();
  await inDialog(desk).getByRole("button", { name: "Ask for approval" }).click();
  await desk.getByText(/asked for approval on/).waitFor();
}
const ASK = "the task → Ask for approval → Ask for approval → Ask for approval";
await task("Ask for approval", ASK, 4, atDesk, ask);

await task(
  "Send it back, on a phone",
  "the task → Send back → the reason → Send back",
  4,
  onPhone,
  async () => {
    await taskLink(phone).tap();
    await button(phone, "Send back").tap();
    const reason = inDialog(phone).getByLabel(/Reason/);
    await reason.tap();
    await phone.keyboard.type("an amount is 100 times too large");
    await inDialog(phone).getByRole("button", { name: "Send back" }).tap();
    await phone.getByText(/sent this batch back/).waitFor();
  },
);

await step("asked for again, after the preparer has read why", async () => {
  await slowPayments(2); // so that there is something to watch
  await desk.goto("/");
  await desk
    .getByText(/was sent back/)
    .first()
    .waitFor();
  await ask();
});

/** One for each warning, and one for the figures. */
const ticks = (await currentBatch()).to_acknowledge.length + 1;
await task(
  "Approve it, on a phone",
  "the task → a tick for each warning → Approve → Yes",
  3 + ticks,
  onPhone,
  async () => {
    await taskLink(phone).tap();
    const approve = button(phone, /^Approve \d/);
    await approve.waitFor();
    for (const box of await phone.locator("fieldset").getByRole("checkbox").all()) await box.tap();
    await approve.tap();
    await button(phone, "Yes, approve and pay").tap();
    await phone.waitForURL(/\/live$/);
  },
);

await task("Watch the payments to their end", "the task", 1, atDesk, async () => {
  await taskLink(desk).click();
  await desk.getByText(/^Live\./).waitFor();
  await controlSimulator("DELETE", "faults");
  await desk.getByText("This batch has ended.").waitFor({ timeout: 60_000 });
});

const failed = await step("one person's payment failed", async () => {
  const { body } = await callApi(
    "demo-preparer",
    "GET",
    `/batches/${batchId}/payments?status=failed&limit=1`,
  );
  assert.equal(body.items.length, 1, "no payment failed: choose another seed");
  return body.items[0];
});
const nameOf = (payment) => `${payment.first_name} ${payment.last_name}`;

/** Finds a person by name with the search of every page, and opens the page of this person. */
async function openPerson(payment) {
  await button(desk, /^Search/).click();
  await inDialog(desk).getByRole("combobox").waitFor();
  await desk.keyboard.type(nameOf(payment));
  const hit = desk.getByRole("option").filter({ hasText: nameOf(payment) });
  await hit.first().click();
  await desk.getByRole("heading", { level: 1, name: nameOf(payment) }).waitFor();
}

await task(
  "See why one person was not paid",
  "Search → the name → the person",
  2,
  atDesk,
  async () => {
    await openPerson(failed);
    await desk.locator("main").getByText(failed.reason.replace(/\.$/, "")).first().waitFor();
  },
);

/** The path of a file that is downloaded when `press` has pressed its button. */
async function download(press) {
  const [saved] = await Promise.all([desk.waitForEvent("download"), press()]);
  const path = join(workFolder, saved.suggestedFilename());
  await saved.saveAs(path);
  return path;
}

const program = spreadsheetProgram();

/** What was paid in a year by all batches of the system, in cents. */
async function paidIn(year) {
  const { body } = await callApi("demo-auditor", "GET", "/batches?limit=100");
  const ofYear = body.items.filter(({ period }) => period.startsWith(String(year)));
  const batches = await Promise.all(ofYear.map(({ batch_id: id }) => getBatch(id)));
  return batches.reduce((sum, one) => sum + one.payment_amount_cents.completed, 0);
}

/** The sum of the amounts in a workbook, in cents, as a program for spreadsheets reads it. */
function sumOf(lines) {
  const [head, ...rows] = lines;
  const column = head.findIndex(({ text }) => text === "amount");
  return rows.reduce((sum, cells) => sum + centsOf(cells[column]), 0);
}

await task(
  `Open a report in ${program ?? "a spreadsheet"}`,
  "the batch → Download reports → XLSX",
  3,
  atDesk,
  async () => {
    await desk.locator("main").getByRole("link", { name: FILE_NAME, exact: true }).first().click();
    await desk.getByRole("link", { name: "Download reports" }).click();
    const path = await download(() => button(desk, "Download payments.xlsx").click());
    if (program === null) return;
    assert.equal(sumOf(readWorkbook(path, program)), (await currentBatch()).amount_cents.total);
  },
);
if (program === null)
  console.log("!!! NOT OPENED: neither LibreOffice nor openpyxl is on this machine");

await task(
  "See the total of another year",
  "Finance → the year → Make the list of the year",
  3,
  atDesk,
  async () => {
    await desk.getByRole("link", { name: "Finance", exact: true }).click();
    await desk.getByLabel("Year", { exact: true }).click();
    await desk.keyboard.press(otherYear > today.getFullYear() ? "ArrowUp" : "ArrowDown");
    await button(desk, "Make the list of the year").click();
    const line = desk
      .getByRole("row")
      .filter({ hasText: `List of ${otherYear}` })
      .first();
    await line.waitFor();
    const cents = await paidIn(otherYear);
    const shown = new Intl.NumberFormat("en-US", { minimumFractionDigits: 2 }).format(cents / 100);
    await line.getByText(shown).waitFor();
  },
);

await task(
  "Hold one person",
  "Search → the name → the person → Hold this person → the reason → Hold",
  5,
  atDesk,
  async () => {
    await openPerson(failed);
    await button(desk, /^Hold this person/).click();
    const dialog = inDialog(desk);
    await dialog.getByLabel(/Reason/).click();
    await desk.keyboard.type("leaves on Friday");
    await dialog.getByRole("button", { name: "Hold", exact: true }).click();
    await dialog.waitFor({ state: "detached" });
    await desk.getByText("leaves on Friday").first().waitFor();
    await waitUntil("the hold is there", async () => {
      const { body } = await callApi("demo-preparer", "GET", "/holds");
      return body.items.some((hold) => hold.reason === "leaves on Friday");
    });
  },
);

await controlSimulator("DELETE", "outcomes");
await browser.close();
printTasks(done);
if (process.argv.includes("--docs")) writeTasks(done, ROWS, program);
assert.deepEqual(allErrors(), [], "no page reported an error");
const over = done.filter(({ clicks, limit }) => clicks > limit);
assert.deepEqual(
  over.map(({ name, clicks, limit }) => `${name}: ${clicks} clicks, at most ${limit}`),
  [],
);
