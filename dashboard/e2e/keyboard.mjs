// A batch from its upload to its pause and resumption, and an API token, by keyboard alone.
// Everything is reached by Tab, the focus can always be seen, and it is never lost.
import assert from "node:assert/strict";
import { basename } from "node:path";
import { BASE_URL, launchBrowser, waitUntilLoaded } from "./browser.mjs";
import { openPeople, step, waitUntil } from "./steps.mjs";
import { controlSimulator, makeRoster, slowPayments, waitForStatus } from "./system.mjs";

const TABS_MAX = 150;
const browser = await launchBrowser();
const { pageOf, allErrors } = openPeople(browser);
const preparer = await pageOf("demo-preparer");
const approver = await pageOf("demo-approver");
const admin = await pageOf("demo-admin");

/** The element that has the focus: its tag and name, and whether the focus is lost or visible. */
async function focusedElement(page) {
  return page.evaluate(() => {
    const element = document.activeElement ?? document.body;
    /** The element that is drawn around: MUI draws around the box of a checkbox or a text field. */
    // oxlint-disable-next-line unicorn/consistent-function-scoping -- this runs in the page
    const outlined = (one) => {
      if (one.matches("input[type=checkbox]")) return one.parentElement;
      const drawn = one.matches("input, textarea, [role=combobox]");
      const field = drawn && one.closest(".MuiInputBase-root");
      return field ? field.querySelector("fieldset") : one;
    };
    // oxlint-disable-next-line unicorn/consistent-function-scoping -- this runs in the page
    const hasOutline = (one) => {
      const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(one);
      return (outlineStyle !== "none" && parseFloat(outlineWidth) >= 2) || /inset/.test(boxShadow);
    };
    const box = outlined(element);
    const hasBorder = box !== element && parseFloat(getComputedStyle(box).borderTopWidth) >= 2;
    const label = element.getAttribute("aria-label") ?? element.labels?.[0]?.textContent;
    return {
      tag: element.tagName,
      name: (label ?? element.textContent ?? "").trim(),
      lost: element === document.body,
      visible: hasOutline(box) || hasBorder,
      inDialog: element.closest("[role=dialog]") !== null,
    };
  });
}

/** Presses Tab until the element with this name has the focus. It must be visible at every stop. */
async function tabTo(page, name) {
  const stops = [];
  for (let n = 0; n < TABS_MAX; n += 1) {
    await page.keyboard.press("Tab");
    const element = await focusedElement(page);
    if (element.lost) continue;
    const { tag, name: stop, visible } = element;
    assert.ok(visible, `nothing shows that ${tag} "${stop}" has the focus`);
    if (name.test(stop)) return element;
    stops.push(stop.slice(0, 30));
  }
  throw new Error(`Tab does not reach ${name}; it reaches: ${stops.join(" | ")}`);
}

async function press(page, name, key = "Enter") {
  await tabTo(page, name);
  await page.keyboard.press(key);
}

/** Presses a key of the grid until the cell with this name has the focus. */
async function moveTo(page, key, name, keysMax = 8) {
  const stops = [];
  for (let n = 0; n <= keysMax; n += 1) {
    const stop = (await focusedElement(page)).name;
    if (name.test(stop)) return;
    stops.push(stop.slice(0, 30));
    await page.keyboard.press(key);
  }
  throw new Error(`${key} does not reach ${name}; it reaches: ${stops.join(" | ")}`);
}

async function waitForHeadingFocus(page, name) {
  await page.getByRole("heading", { level: 1, name }).waitFor({ timeout: 30_000 });
  await waitUntil(
    `the heading ${name} has the focus`,
    async () => {
      const element = await focusedElement(page);
      return element.tag === "H1" && name.test(element.name);
    },
    10,
  );
}

/** Checks that an open dialog keeps the focus, however often Tab is pressed. */
async function checkDialogKeepsFocus(page, tabs = 8) {
  await page.getByRole("dialog").waitFor();
  await waitUntil(
    "the dialog has the focus",
    async () => (await focusedElement(page)).inDialog,
    10,
  );
  for (let n = 1; n <= tabs; n += 1) {
    await page.keyboard.press("Tab");
    const { inDialog, tag, name } = await focusedElement(page);
    assert.ok(inDialog, `Tab number ${n} leaves the open dialog for ${tag} "${name}"`);
  }
}

/** Waits until the dialog is closed and something on the page has the focus; returns that. */
async function focusAfterDialog(page) {
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.waitForTimeout(100);
  await waitUntil(
    "something has the focus after the dialog",
    async () => !(await focusedElement(page)).lost,
    4,
  );
  return focusedElement(page);
}

const file = makeRoster(120, "by-keyboard.xml");
const fileName = new RegExp(basename(file).replace(".", "\\."));

const batchId = await step("upload: the menu is skipped, a file is chosen and sent", async () => {
  await preparer.goto("/");
  await preparer.getByRole("heading", { level: 1 }).waitFor();
  await press(preparer, /^Skip/);
  await press(preparer, /^Upload/);
  await waitForHeadingFocus(preparer, /Upload/);
  const [chooser] = await Promise.all([
    preparer.waitForEvent("filechooser"),
    press(preparer, /^Choose a file/),
  ]);
  await chooser.setFiles(file);
  await preparer.getByRole("heading", { name: fileName }).waitFor();
  await press(preparer, /^Upload$/);
  await preparer
    .getByText("No money has gone out: another person has to approve")
    .waitFor({ timeout: 60_000 });
  await press(preparer, /^Open the batch/);
  await waitForHeadingFocus(preparer, fileName);
  return preparer.url().split("/").at(-1);
});

await step("checks: a tab keeps the focus; corrections are accepted in a dialog", async () => {
  await press(preparer, /^Checks/);
  await preparer.waitForURL(/\/checks$/);
  assert.match((await focusedElement(preparer)).name, /^Checks/, "the tab keeps the focus");
  await press(preparer, /^Accept/);
  await checkDialogKeepsFocus(preparer);
  await press(preparer, /^Accept/);
  await focusAfterDialog(preparer);
  await preparer.getByText(/corrections? made/).waitFor({ timeout: 60_000 });
  await waitForStatus(batchId, "ready");
});

await step("rows: the grid is entered, and a column is sorted", async () => {
  await press(preparer, /^Rows|^All rows|rows/i);
  await preparer.waitForURL(/\/rows$/);
  await preparer.getByRole("gridcell").first().waitFor();
  await tabTo(preparer, /^(Row|Actions|Select all)/);
  await moveTo(preparer, "ArrowRight", /^Employee/);
  await preparer.keyboard.press("Enter");
  await preparer.waitForURL(/sort=-?last_name\b/);
});

// Slow payments, so that there is time to pause them.
await slowPayments(2);

await step(
  "approval: every box is ticked, the dialog is left, opened again, confirmed",
  async () => {
    await approver.goto("/");
    await approver.getByRole("heading", { level: 1 }).waitFor();
    const { source } = fileName;
    await press(approver, new RegExp(`approv.*${source}|${source}.*approv`, "i"));
    await waitForHeadingFocus(approver, fileName);
    await approver.getByRole("button", { name: /^Approve \d/ }).waitFor({ timeout: 60_000 });
    const boxes = await approver.locator("fieldset").getByRole("checkbox").count();
    for (let n = 0; n < boxes; n += 1) {
      let element = await tabTo(approver, /./);
      while (element.tag !== "INPUT") element = await tabTo(approver, /./);
      await approver.keyboard.press("Space");
    }
    await press(approver, /^Approve \d/);
    await checkDialogKeepsFocus(approver);
    await approver.keyboard.press("Escape");
    const { name } = await focusAfterDialog(approver);
    assert.match(name, /^Approve \d/, "the dialog gives the focus back");
    await approver.keyboard.press("Enter");
    await checkDialogKeepsFocus(approver);
    await press(approver, /^Yes, approve and pay/);
    await approver.waitForURL(/\/live$/, { timeout: 30_000 });
    await waitForHeadingFocus(approver, fileName);
  },
);

await step("the payments are paused, with a reason, and resumed", async () => {
  await waitForStatus(batchId, "approved", "paying");
  await press(approver, /^Pause/);
  // Many tabs: the figures behind the dialog change, and another dialog was closed a moment ago.
  await checkDialogKeepsFocus(approver, 60);
  await tabTo(approver, /^Reason/);
  await approver.keyboard.type("the amounts are looked at once more");
  await press(approver, /^Pause/);
  await focusAfterDialog(approver);
  await waitForStatus(batchId, "paused");
  await approver.getByText("Paused: no new payments are sent.").waitFor({ timeout: 20_000 });
  await press(approver, /^Resume/);
  await checkDialogKeepsFocus(approver);
  await press(approver, /^Resume/);
  await focusAfterDialog(approver);
  await controlSimulator("DELETE", "faults");
  await waitForStatus(batchId, "paying", "completed", "completed_with_failures");
});

/** Makes a token for the preparer and returns its name and its secret. */
async function makeToken() {
  await admin.goto("/settings/tokens");
  await waitUntilLoaded(admin);
  await tabTo(admin, /^What it is for/);
  const name = `nightly ${Date.now()}`;
  await admin.keyboard.type(name);
  await tabTo(admin, /^Acts for/);
  await admin.keyboard.type("Prea");
  await press(admin, /^It can only read/, "Space"); // it is ticked at first
  await press(admin, /^preparer/, "Space");
  await press(admin, /^Make the token/);
  return [name, (await admin.locator("main code").first().textContent()) ?? ""];
}

await step("a token is made, shown once, used by a script, and revoked", async () => {
  const [name, secret] = await makeToken();
  const statusOf = async (path) => {
    const headers = { Authorization: `Bearer ${secret}` };
    return (await fetch(`${BASE_URL}/api/v1${path}`, { headers })).status;
  };
  const checkSecretIsGone = async () => {
    await admin.getByRole("cell", { name, exact: true }).waitFor();
    const shown = (await admin.locator("body").textContent()) ?? "";
    assert.ok(!shown.includes(secret), "the secret is still shown");
  };
  assert.equal(await statusOf("/batches"), 200);
  assert.equal(await statusOf("/tokens"), 403, "a preparer's script reads no tokens");
  await press(admin, /^I have stored it/);
  await admin.locator("main code").waitFor({ state: "detached" });
  await checkSecretIsGone();
  await admin.reload();
  await checkSecretIsGone();
  await press(admin, new RegExp(`^Revoke ${name}`));
  await checkDialogKeepsFocus(admin);
  await press(admin, /^Revoke$/);
  await focusAfterDialog(admin);
  await waitUntil("the token is refused", async () => (await statusOf("/batches")) === 401);
  await admin.getByRole("row").filter({ hasText: name }).getByText("revoked").waitFor();
});

await step("a session in another browser is ended", async () => {
  const other = await pageOf("demo-preparer");
  await other.goto("/");
  await waitUntilLoaded(other); // it is signed in then
  const { request } = other.context();
  const isSignedIn = async () => (await request.get("/api/v1/me")).ok();
  await other.close(); // no page is left to fail
  await waitUntil("the other browser is signed in", isSignedIn, 20);
  await preparer.goto("/settings");
  await preparer.getByRole("heading", { level: 1 }).waitFor();
  await press(preparer, /^End this session/);
  await waitUntil("the other browser is signed out", async () => !(await isSignedIn()));
  await preparer.getByText("This browser", { exact: true }).waitFor();
});

await browser.close();
assert.deepEqual(allErrors(), [], "no page reported an error");
console.log("everything can be done by keyboard");
