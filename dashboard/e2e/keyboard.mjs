// A batch from upload to its pause and resumption, and an API token, by keyboard alone: everything is reached by Tab, what has the focus can be seen, and the focus is never lost.
import assert from "node:assert/strict";
import { basename } from "node:path";
import { BASE_URL, start } from "./browser.mjs";
import { batchOf, people, provider, reach, roster, step, until } from "./steps.mjs";

const TABS_MOST = 150;
const browser = await start();
const { person, faults } = people(browser);
const preparer = await person("demo-preparer");
const approver = await person("demo-approver");
const admin = await person("demo-admin");

/** What has the focus: its name, whether that can be seen, and where it is. */
async function focused(page) {
  return page.evaluate(() => {
    const it = document.activeElement ?? document.body;
    // oxlint-disable-next-line unicorn/consistent-function-scoping -- all of this runs in the page
    const seen = (one) => {
      const style = getComputedStyle(one);
      return (
        (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2) ||
        /inset/.test(style.boxShadow)
      );
    };
    const box = it.matches("input[type=checkbox]")
      ? it.parentElement
      : it.matches("input, textarea") && it.closest(".MuiInputBase-root")
        ? it.closest(".MuiInputBase-root").querySelector("fieldset")
        : it;
    const name =
      it.getAttribute("aria-label") ?? it.labels?.[0]?.textContent ?? it.textContent ?? "";
    return {
      tag: it.tagName,
      name: name.trim(),
      lost: it === document.body,
      visible:
        it === box ? seen(it) : seen(box) || parseFloat(getComputedStyle(box).borderTopWidth) >= 2,
      inDialog: it.closest("[role=dialog]") !== null,
    };
  });
}

/** Tab to what has this name; each stop on the way must be seen to have the focus. */
async function to(page, name) {
  const stops = [];
  for (let n = 0; n < TABS_MOST; n += 1) {
    await page.keyboard.press("Tab");
    const at = await focused(page);
    if (at.lost) continue;
    assert.ok(at.visible, `nothing shows that ${at.tag} "${at.name}" has the focus`);
    if (name.test(at.name)) return at;
    stops.push(at.name.slice(0, 30));
  }
  throw new Error(`${name} is not reached by Tab; these are: ${stops.join(" | ")}`);
}

async function press(page, name, key = "Enter") {
  await to(page, name);
  await page.keyboard.press(key);
}

async function atHeading(page, name) {
  await page.getByRole("heading", { level: 1, name }).waitFor({ timeout: 30_000 });
  await until(
    `the heading ${name} has the focus`,
    async () => {
      const at = await focused(page);
      return at.tag === "H1" && name.test(at.name);
    },
    10,
  );
}

/** A dialog holds the focus while it is open. */
async function inDialog(page, tabs = 8) {
  await page.getByRole("dialog").waitFor();
  await until("the dialog has the focus", async () => (await focused(page)).inDialog, 10);
  for (let n = 0; n < tabs; n += 1) {
    await page.keyboard.press("Tab");
    const at = await focused(page);
    assert.ok(
      at.inDialog,
      `Tab number ${n + 1} leaves an open dialog for ${at.tag} "${at.name}"; dialogs open: ${await page.getByRole("dialog").count()}; ${(await page.locator("main").textContent()).slice(0, 300)}`,
    );
  }
}

/** After a dialog something on the page has the focus. */
async function afterDialog(page) {
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.waitForTimeout(100);
  await until(
    "something has the focus after the dialog",
    async () => !(await focused(page)).lost,
    4,
  );
  return focused(page);
}

const file = roster(120, "by-keyboard.xml");
const name = new RegExp(basename(file).replace(".", "\\."));

const id = await step(
  "uploaded: past the menu by the link that skips it, a file chosen, sent, the batch opened",
  async () => {
    await preparer.goto("/");
    await preparer.getByRole("heading", { level: 1 }).waitFor();
    await press(preparer, /^Skip/);
    await press(preparer, /^Upload/);
    await atHeading(preparer, /Upload/);
    const [chooser] = await Promise.all([
      preparer.waitForEvent("filechooser"),
      press(preparer, /^Choose a file/),
    ]);
    await chooser.setFiles(file);
    await preparer.getByRole("heading", { name }).waitFor();
    await press(preparer, /^Upload$/);
    await preparer
      .getByText("No money has gone out: another person has to approve")
      .waitFor({ timeout: 60_000 });
    await press(preparer, /^Open the batch/);
    await atHeading(preparer, name);
    return preparer.url().split("/").at(-1);
  },
);

await step(
  "its corrections are accepted in a dialog that holds the focus; along the batch's tabs the focus stays",
  async () => {
    await press(preparer, /^Checks/);
    await preparer.waitForURL(/\/checks$/);
    assert.match((await focused(preparer)).name, /^Checks/, "the tab keeps the focus");
    await press(preparer, /^Accept/);
    await inDialog(preparer);
    await press(preparer, /^Accept/);
    await afterDialog(preparer);
    await preparer.getByText(/corrections? made/).waitFor({ timeout: 60_000 });
    await reach(id, "ready");
  },
);

await step("the rows: the grid is entered, a column is sorted", async () => {
  await press(preparer, /^Rows|^All rows|rows/i);
  await preparer.waitForURL(/\/rows$/);
  await preparer.getByRole("gridcell").first().waitFor();
  await to(preparer, /^Row/);
  for (let n = 0; n < 2; n += 1) await preparer.keyboard.press("ArrowRight");
  await preparer.keyboard.press("Enter");
  await preparer.waitForURL(/sort=/);
});

await provider("PUT", "faults", {
  seed: 1,
  rules: [{ method: "POST", path: "/payments", share: 1, fault: "delay", seconds: 2 }],
}); // a run that can be paused

await step(
  "approved by another person: every warning ticked, the dialog left and opened again, confirmed",
  async () => {
    await approver.goto("/");
    await approver.getByRole("heading", { level: 1 }).waitFor();
    await press(approver, new RegExp(`approv.*${name.source}|${name.source}.*approv`, "i"));
    await atHeading(approver, name);
    await approver.getByRole("button", { name: /^Approve \d/ }).waitFor({ timeout: 60_000 });
    const boxes = await approver.locator("fieldset").getByRole("checkbox").count();
    for (let n = 0; n < boxes; n += 1) {
      for (let at = await to(approver, /./); at.tag !== "INPUT";) at = await to(approver, /./);
      await approver.keyboard.press("Space");
    }
    await press(approver, /^Approve \d/);
    await inDialog(approver);
    await approver.keyboard.press("Escape");
    assert.match(
      (await afterDialog(approver)).name,
      /^Approve \d/,
      "the dialog gives the focus back",
    );
    await approver.keyboard.press("Enter");
    await inDialog(approver);
    await press(approver, /^Yes, approve and pay/);
    await approver.waitForURL(/\/live$/, { timeout: 30_000 });
    await atHeading(approver, name);
  },
);

await step("paused and resumed, with a reason", async () => {
  await reach(id, "approved", "paying");
  await press(approver, /^Pause/);
  await inDialog(approver, 60); // the figures behind it move, and the dialog before was closed a moment ago
  await to(approver, /^Reason/);
  await approver.keyboard.type("the amounts are looked at once more");
  await press(approver, /^Pause/);
  await afterDialog(approver);
  await until("it is paused", async () => (await batchOf(id)).status === "paused");
  await approver.getByText("Paused: no new payments are sent.").waitFor({ timeout: 20_000 });
  await press(approver, /^Resume/);
  await inDialog(approver);
  await press(approver, /^Resume/);
  await afterDialog(approver);
  await provider("DELETE", "faults");
  await until("it goes on", async () =>
    ["paying", "completed", "completed_with_failures"].includes((await batchOf(id)).status),
  );
});

await step(
  "a token is made, seen once, used by a script for what it may and nothing else, and revoked",
  async () => {
    await admin.goto("/settings/tokens");
    await admin.getByRole("heading", { level: 1 }).waitFor();
    await to(admin, /^What it is for/);
    const called = `nightly ${Date.now()}`;
    await admin.keyboard.type(called);
    await to(admin, /^Acts for/);
    await admin.keyboard.type("Prea");
    await press(admin, /^It can only read/, "Space"); // ticked at first
    await press(admin, /^preparer/, "Space");
    await press(admin, /^Make the token/);
    const secret = (await admin.locator("main code").first().textContent()) ?? "";
    const call = (path, options) =>
      fetch(`${BASE_URL}/api/v1${path}`, {
        ...options,
        headers: { Authorization: `Bearer ${secret}` },
      }).then((answer) => answer.status);
    assert.equal(await call("/batches"), 200);
    assert.equal(await call("/tokens"), 403, "a preparer's script reads no tokens");
    await press(admin, /^I have stored it/);
    await admin.locator("main code").waitFor({ state: "detached" });
    await admin.getByRole("cell", { name: called, exact: true }).waitFor();
    assert.ok(
      !((await admin.locator("body").textContent()) ?? "").includes(secret),
      "the secret is still there",
    );
    await admin.reload();
    await admin.getByRole("cell", { name: called, exact: true }).waitFor();
    assert.ok(
      !((await admin.locator("body").textContent()) ?? "").includes(secret),
      "the secret is shown again",
    );
    await press(admin, new RegExp(`^Revoke ${called}`));
    await inDialog(admin);
    await press(admin, /^Revoke$/);
    await afterDialog(admin);
    await until("the token is dead", async () => (await call("/batches")) === 401);
    await admin.getByRole("row").filter({ hasText: called }).getByText("revoked").waitFor();
  },
);

await browser.close();
assert.deepEqual(faults.flat(), [], "no page reported an error");
console.log("everything can be done by keyboard");
