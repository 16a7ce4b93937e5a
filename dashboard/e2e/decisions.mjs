// A loan is redirected from the menu of its row, the approver sees it and chooses a later start, and
// the batch is cancelled before that start: nothing was sent. Pictures go to OUT, if it is given.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { callApi, DESKTOP, launchBrowser, waitUntilLoaded } from "./browser.mjs";
import { cutOff } from "./hand.mjs";
import { mainText, openPeople, step, waitUntil } from "./steps.mjs";
import { getBatch, makeRoster, uploadReadyBatch } from "./system.mjs";

const PERIOD = "2027-01-04";
const browser = await launchBrowser();
const { pageOf, allErrors } = openPeople(browser);
const preparer = await pageOf("demo-preparer");
const approver = await pageOf("demo-approver");
const batch = await uploadReadyBatch(makeRoster(60, "redirect.xml"), { period: PERIOD });
const path = `/batches/${batch.batch_id}`;
const currentBatch = () => getBatch(batch.batch_id);

const MOVING_MS = 350; // until the colors of the other scheme have faded in
/** In light and dark, and as wide as a phone; nothing may be wider than its window. */
const LOOKS = [
  { name: "phone", colorScheme: "light", size: { width: 390, height: 844 } },
  { name: "dark", colorScheme: "dark", size: DESKTOP },
  { name: "light", colorScheme: "light", size: DESKTOP },
];

async function takePicture(page, name) {
  if (process.env.OUT) mkdirSync(process.env.OUT, { recursive: true });
  for (const { name: look, colorScheme, size } of LOOKS) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize(size);
    assert.equal(await cutOff(page), "", `${name}, ${look}`);
    if (!process.env.OUT) continue;
    await page.waitForTimeout(MOVING_MS);
    await page.screenshot({ path: join(process.env.OUT, `${name}-${look}.png`) });
  }
}

await step("a loan is redirected from the menu of its row", async () => {
  await preparer.goto(`${path}/rows?status=payable`);
  await waitUntilLoaded(preparer);
  await preparer.getByRole("row").nth(1).getByRole("button", { name: "Actions" }).click();
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
  await waitUntil("every payment is cancelled", async () => {
    const { status: now, payments } = await currentBatch();
    return now === "cancelled" && payments.total > 0 && payments.cancelled === payments.total;
  });
  await approver.goto(path);
  await waitUntilLoaded(approver);
  assert.match(await mainText(approver), /cancel/i);
});

assert.deepEqual(allErrors(), []);
await browser.close();
console.log("everything went as it should");
