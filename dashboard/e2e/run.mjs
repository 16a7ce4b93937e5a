// The way of a batch in a real browser: uploaded, corrected, approved by another person, watched, its reports downloaded and summed; and what must be refused.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import { api, as, settled, start } from "./browser.mjs";
import { folder, people, root, roster, step } from "./steps.mjs";

const file = roster(Number(process.env.ROWS ?? "400"));
const browser = await start();
const { person, faults } = people(browser);
const preparer = await person("demo-preparer");
const approver = await person("demo-approver");

async function upload(page, path = file) {
  await page.goto("/upload");
  await page.setInputFiles("input[type=file]", path);
  await page.getByRole("heading", { name: basename(path), exact: true }).waitFor();
}

const batchId = await step("upload in the browser, watched through its stages", async () => {
  await upload(preparer);
  await preparer.getByRole("button", { name: "Upload", exact: true }).click();
  await preparer
    .getByText("No money has gone out: another person has to approve")
    .waitFor({ timeout: 60_000 });
  await preparer.getByRole("link", { name: "Open the batch" }).click();
  await preparer.getByText("All sums agree.").waitFor();
  return /batches\/([0-9a-f-]{36})/.exec(preparer.url())[1];
});

await step("the same file again is stopped before a byte is sent", async () => {
  let sent = 0;
  const count = (request) => {
    if (request.method() === "POST" && request.url().includes("/api/v1/batches")) sent += 1;
  };
  preparer.on("request", count);
  await upload(preparer);
  await preparer.getByText("This file was uploaded before:").waitFor();
  assert.equal(
    await preparer.getByRole("button", { name: "Upload again on purpose" }).isDisabled(),
    true,
  );
  assert.equal(sent, 0);
  preparer.off("request", count);
});

await step(
  "another browser with the same file, gzipped, is told before a byte is sent; without the list's answer the server says it at the upload",
  async () => {
    const other = await person("demo-preparer");
    const zipped = join(folder, "roster.xml.gz");
    writeFileSync(zipped, gzipSync(readFileSync(file)));
    await upload(other, zipped);
    await other.getByText("This file was uploaded before:").waitFor();
    await other.route(/batches\?.*sha256=/, (route) =>
      route.fulfill({ status: 503, contentType: "application/problem+json", body: "{}" }),
    );
    await upload(other);
    await other.getByRole("button", { name: "Upload", exact: true }).click();
    await other.getByText("The system already has this file").waitFor({ timeout: 30_000 });
    await other.context().close();
  },
);

await step("the preparer cannot approve, and is told why", async () => {
  await preparer.goto(`/batches/${batchId}/approval`);
  await preparer
    .getByText("You uploaded this batch, so another person has to approve it")
    .waitFor();
  assert.equal(await preparer.getByRole("button", { name: /^Approve/ }).count(), 0);
});

async function readyAgain() {
  for (
    let tries = 0;
    (await api("demo-preparer", "GET", `/batches/${batchId}`)).body.status !== "ready";
    tries += 1
  ) {
    assert.ok(tries < 120, "the batch is not ready again");
    await new Promise((done) => {
      setTimeout(done, 500);
    });
  }
}

await step("offered corrections are accepted, and the batch is checked again", async () => {
  await preparer.goto(`/batches/${batchId}/checks`);
  await preparer.getByRole("button", { name: /^Accept/ }).click();
  await preparer
    .getByRole("dialog")
    .getByRole("button", { name: /^Accept/ })
    .click();
  await preparer.getByText(/corrections? made/).waitFor({ timeout: 60_000 });
  await readyAgain();
});

await step(
  "a batch that changes while the approver looks is not approved, and the difference is shown",
  async () => {
    await approver.goto(`/batches/${batchId}/approval`);
    const act = approver.getByRole("button", { name: /^Approve \d/ });
    await act.waitFor({ timeout: 60_000 });
    for (const box of await approver.getByRole("checkbox").all()) await box.check();
    const { body } = await api("demo-preparer", "GET", `/batches/${batchId}`);
    const [made] = body.corrections;
    const changed = await api("demo-preparer", "POST", `/batches/${batchId}/corrections`, {
      corrections: [
        {
          source_account_id: made.source_account_id,
          field: made.field,
          from: made.to,
          to: made.from,
        },
      ],
    });
    assert.equal(changed.status, 200, JSON.stringify(changed.body));
    await readyAgain();
    if (await act.isEnabled()) {
      await act.click();
      await approver.getByRole("button", { name: "Yes, approve and pay" }).click();
    }
    await approver
      .getByText("The batch has changed since you looked at it.")
      .waitFor({ timeout: 60_000 });
    assert.equal((await api("demo-preparer", "GET", `/batches/${batchId}`)).body.approved_by, null);
    await api("demo-preparer", "POST", `/batches/${batchId}/corrections`, {
      corrections: [
        {
          source_account_id: made.source_account_id,
          field: made.field,
          from: made.from,
          to: made.to,
        },
      ],
    });
    await readyAgain();
  },
);

const now = async () => (await api("demo-approver", "GET", `/batches/${batchId}`)).body;

/** The dispatcher's process, asked for when it is needed: one that ended is kept alive under another number. Null where nobody knows. */
function dispatcherNow() {
  if (!process.env.KEEPER) return null;
  return Number(
    execFileSync(
      join(root, ".venv/bin/supervisorctl"),
      ["-s", process.env.KEEPER, "pid", "dispatcher"],
      { encoding: "utf8" },
    ),
  );
}

/** Kills the dispatcher as soon as payments have gone out and others have not; false where its process is not known. */
async function killed(dispatcher) {
  if (dispatcher === null) return false;
  assert.ok(dispatcher > 1, `the dispatcher does not run: ${dispatcher}`);
  for (let tries = 0; tries < 1_200; tries += 1) {
    const { payments: p } = await now();
    const left = p.unprocessed + p.sending;
    if (left > 0 && left < p.total) {
      process.kill(dispatcher, "SIGKILL");
      console.log(
        `    dispatcher (${dispatcher}) killed with ${left} of ${p.total} payments not yet sent`,
      );
      return true;
    }
    assert.ok(
      p.total === 0 || left > 0,
      "the run was over before the dispatcher could be killed: give more ROWS",
    );
    await new Promise((done) => {
      setTimeout(done, 50);
    });
  }
  throw new Error("no payment went out within a minute");
}

const [shown, killing] = await step("another person approves exactly what is shown", async () => {
  await approver.goto(`/batches/${batchId}/approval`);
  const act = approver.getByRole("button", { name: /^Approve \d/ });
  await settled(approver);
  await act.waitFor({ timeout: 60_000 });
  assert.equal(await act.isDisabled(), true, "nothing is ticked yet");
  for (const box of await approver.getByRole("checkbox").all()) await box.check();
  const { body } = await api("demo-approver", "GET", `/batches/${batchId}`);
  const said = await act.textContent();
  assert.ok(said.includes(String(body.rows.payable)), `${said} names ${body.rows.payable} rows`);
  await act.click();
  const [kill] = await Promise.all([
    killed(dispatcherNow()),
    approver.getByRole("button", { name: "Yes, approve and pay" }).click(),
  ]);
  await approver.waitForURL(/\/live$/, { timeout: 30_000 });
  return [body, kill];
});

if (killing) {
  await step(
    "the dispatcher was killed while payments went out: the page says how fresh its figures are, and no end before there is one",
    async () => {
      for (let looks = 0; looks < 12; looks += 1) {
        const said = (await approver.locator("main").textContent()) ?? "";
        assert.ok(
          /Live\. Figures as of|Connection lost; reconnecting|Connecting|This batch has ended/.test(
            said,
          ),
          `the page does not say whether its figures are live: ${said.slice(0, 300)}`,
        );
        if (said.includes("This batch has ended"))
          assert.ok(
            (await now()).status.startsWith("completed"),
            "said to have ended, but has not",
          );
        await approver.waitForTimeout(250);
      }
    },
  );
} else {
  console.log("!!! SKIPPED: KEEPER is not set, so no service was killed while payments went out");
}

await step("the run is watched to its end, everything paid that was approved", async () => {
  await approver.getByText("This batch has ended.").waitFor({ timeout: 180_000 });
  const { body } = await api("demo-approver", "GET", `/batches/${batchId}`);
  assert.ok(body.status.startsWith("completed"), body.status);
  const { payments, payment_amount_cents: cents } = body;
  assert.equal(cents.total, shown.amount_cents.payable);
  assert.equal(
    payments.completed + payments.failed + payments.reversed,
    payments.total,
    "nothing is left half done",
  );
  assert.ok(payments.completed > 0);
});

await step("reports are downloaded and come to the file", async () => {
  await preparer.goto(`/batches/${batchId}/reports`);
  for (const name of ["sources", "branches", "payments"]) {
    const [saved] = await Promise.all([
      preparer.waitForEvent("download", { timeout: 60_000 }),
      preparer.getByRole("button", { name: `Download ${name}.csv` }).click(),
    ]);
    const [head, ...lines] = readFileSync(await saved.path(), "utf8")
      .trim()
      .split("\r\n")
      .map((line) =>
        line.match(/("([^"]|"")*"|[^,]*)(,|$)/g).map((cell) => cell.replace(/,$/, "")),
      );
    const column = head.indexOf("amount");
    const cents = lines.reduce((sum, cells) => sum + Number(cells[column].replace(".", "")), 0);
    assert.equal(cents, shown.amount_cents.total, `${name}.csv comes to ${cents}`);
  }
});

await step("rows: search, filter and order are in the address and survive a reload", async () => {
  await preparer.goto(`/batches/${batchId}/rows?status=payable&sort=-amount_cents`);
  await preparer.getByRole("gridcell").first().waitFor();
  const first = await preparer.getByRole("row").nth(1).textContent();
  await preparer.reload();
  await preparer.getByRole("gridcell").first().waitFor();
  assert.equal(await preparer.getByRole("row").nth(1).textContent(), first);
});

await step(
  "walls: an auditor sees no way to upload; a preparer none to the audit log",
  async () => {
    const auditor = await person("demo-auditor");
    await auditor.goto("/upload");
    await auditor.getByText("Only preparers can upload rosters").waitFor();
    await preparer.goto("/audit");
    await preparer.getByText("Only auditors and administrators").waitFor();
    await auditor.goto("/audit");
    await auditor.getByText("The log is intact").waitFor();
    await auditor.context().close();
  },
);

await step("ten tabs on one live stream hold one connection", async () => {
  const { context } = await as(browser, "demo-auditor");
  const leaders = [];
  context.on("request", (request) => {
    if (request.url().endsWith("/live") && request.url().includes("/api/"))
      leaders.push(request.frame().page());
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
  await leaders[0].close(); // whichever tab was first to ask for the lock, not always the one opened first
  for (let waited = 0; leaders.length < 2 && waited < 15_000; waited += 100)
    await new Promise((done) => setTimeout(done, 100));
  assert.equal(leaders.length, 2, "the next tab takes over");
  assert.notEqual(leaders[1], leaders[0]);
  await context.close();
});

await browser.close();
assert.deepEqual(faults.flat(), [], "no page reported an error");
console.log("everything went as it should");
