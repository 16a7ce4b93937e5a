// A loan is redirected from the menu of its row, the approver sees it and chooses a later start, and
// the batch is cancelled before that start: nothing was sent. Pictures go to OUT, if it is given.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { callApi, launchBrowser, waitUntilLoaded } from "./browser.mjs";
import { mainText, openPeople, step, waitUntil } from "./steps.mjs";
import { getBatch, makeRoster, uploadReadyBatch, waitForStatus } from "./system.mjs";

const PERIOD = "2027-01-04";
const browser = await launchBrowser();
const { pageOf, allErrors } = openPeople(browser);
const preparer = await pageOf("demo-preparer");
const approver = await pageOf("demo-approver");
const batch = await uploadReadyBatch(makeRoster(60, "redirect.xml"), { period: PERIOD });
const path = `/batches/${batch.batch_id}`;
const currentBatch = () => getBatch(batch.batch_id);

async function takePicture(page, name) {
  if (!process.env.OUT) return;
  mkdirSync(process.env.OUT, { recursive: true });
  await page.screenshot({ path: join(process.env.OUT, `${name}.png`) });
}

await step("a loan is redirected from the menu of its row", async () => {
  await preparer.goto(`${path}/rows?status=payable`);
  await waitUntilLoaded(preparer);
  await preparer.getByRole("row").nth(1).getByRole("button", { name: "more" }).click();
  await preparer.getByRole("menuitem", { name: "Redirect the loan…" }).click();
  const dialog = preparer.getByRole("dialog");
  await dialog.getByLabel(/Its loan number/).fill("774001233");
  await takePicture(preparer, "redirect-loan");
  await dialog.getByRole("button", { name: "Next" }).click();
  await dialog.getByText(/is redirected to ins_\d+, ending in 1233/).waitFor();
  await dialog.getByLabel(/Reason/).fill("the servicer changed");
  await takePicture(preparer, "redirect-reason");
  await dialog.getByRole("button", { name: "Redirect" }).click();
  await dialog.waitFor({ state: "detached" });
  const again = await waitUntil("the batch is checked again", async () => {
    const now = await currentBatch();
    return now.status === "ready" && now.digest !== batch.digest && now;
  });
  assert.equal(again.rows.payable, batch.rows.payable);
  assert.equal(again.rows.excluded, batch.rows.excluded + 1);
});

await step("the approver sees who redirected it, and chooses a later start", async () => {
  await approver.goto(`${path}/approval`);
  await approver
    .getByText(/ending in 1233/)
    .first()
    .waitFor();
  const boxes = approver.locator("fieldset").getByRole("checkbox");
  for (let n = 0; n < (await boxes.count()); n += 1) await boxes.nth(n).check();
  await approver.getByRole("combobox", { name: "When sending starts" }).click();
  await takePicture(approver, "start-choices");
  await approver.getByRole("option").nth(1).click();
  await approver.getByRole("button", { name: /^Approve \d/ }).click();
  const dialog = approver.getByRole("dialog");
  await dialog.getByText(/Nothing is sent before/).waitFor();
  await takePicture(approver, "start-question");
  await dialog.getByRole("button", { name: /^Yes, approve/ }).click();
  await approver.waitForURL(/\/live$/);
  await approver.getByText(/Nothing was sent yet\. Sending starts on/).waitFor();
  await takePicture(approver, "start-waits");
});

await step("until then it waits, and is cancelled as a whole", async () => {
  const waiting = await currentBatch();
  assert.equal(waiting.status, "approved");
  assert.ok(Date.parse(waiting.start_at) > Date.now());
  const { status } = await callApi("demo-approver", "POST", `${path}/cancel`, {
    reason: "not this time",
  });
  assert.ok(status < 300, `${status}`);
  const ended = await waitForStatus(batch.batch_id, "completed_with_failures", "completed");
  assert.equal(ended.payments.cancelled, ended.payments.total);
  await approver.goto(path);
  await waitUntilLoaded(approver);
  assert.match(await mainText(approver), /cancel/i);
});

assert.deepEqual(allErrors(), []);
await browser.close();
console.log("everything went as it should");
