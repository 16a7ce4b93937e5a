// What goes wrong, on real cases: payments that fail, come back or are held, messages no service can apply, rows another batch pays, a connection that is lost.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { api, settled, start } from "./browser.mjs";
import {
  approve,
  batchOf,
  folder,
  people,
  provider,
  python,
  reach,
  ready,
  roster,
  step,
  until,
} from "./steps.mjs";

const BAD = ["failed", "reversed", "held"];
const browser = await start();
const { person, faults } = people(browser);
const preparer = await person("demo-preparer");
const approver = await person("demo-approver");
const operator = await person("demo-operator");
const main = (page) => page.locator("main");
const said = async (page) => ((await main(page).textContent()) ?? "").replaceAll(/\s+/g, " ");

const file = roster(80);
const batch = await step(
  "a batch is approved whose payments meet failures, returns and an answer that leaves them in doubt",
  async () => {
    await provider("PUT", "outcomes", {
      seed: 7,
      rules: [
        { share: 0.15, status: "failed", error_code: 10004 },
        { share: 0.1, status: "failed", error_code: 10001, after: "sent" },
      ],
    });
    await provider("PUT", "faults", {
      seed: 7,
      rules: [
        {
          method: "POST",
          path: "/payments",
          share: 0.12,
          fault: "status",
          status: 404,
          execute: false,
          stored: true,
        },
      ],
    });
    const made = await ready(file, { period: "2026-12-07" });
    await approver.goto(`/batches/${made.batch_id}/live`);
    await approve(made);
    return made;
  },
);
const at = `/batches/${batch.batch_id}`;

await step(
  "the live page is told when its connection is lost, as of when, and that no money depends on it; it recovers with everything that came meanwhile",
  async () => {
    await approver.goto(`${at}/live`);
    await approver.getByText("Live. Figures as of").waitFor();
    await approver.waitForTimeout(1_000); // what asks before an order is fetched ahead
    let opened = 0;
    const count = (request) => {
      if (request.url().endsWith("/live") && request.url().includes("/api/")) opened += 1;
    };
    approver.on("request", count);
    await approver.context().setOffline(true);
    const lost = approver.getByText("Connection lost; reconnecting. Figures as of");
    await lost.waitFor({ timeout: 20_000 });
    assert.match(
      (await lost.textContent()) ?? "",
      /as of .*\d:\d\d [AP]M C[SD]T.*nothing is sent twice/,
    );
    await approver.getByRole("button", { name: "Pause" }).click();
    await approver
      .getByRole("dialog")
      .getByLabel(/Reason/)
      .fill("given without a network");
    await approver.getByRole("dialog").getByRole("button", { name: "Pause" }).click();
    await approver
      .getByRole("dialog")
      .getByRole("alert")
      .getByText("We do not know whether your request was carried out.")
      .waitFor();
    await approver.keyboard.press("Escape");
    await approver.getByRole("dialog").waitFor({ state: "detached" });
    await approver.context().setOffline(false);
    await approver
      .getByText(/Live\. Figures as of|This batch has ended\./)
      .waitFor({ timeout: 30_000 });
    assert.ok(opened > 0, "another stream was opened");
    approver.off("request", count);
    assert.notEqual(
      (await batchOf(batch.batch_id)).status,
      "paused",
      "an order given without a network was kept and sent later",
    );
    await until("the live figures are those of the batch", async () => {
      const { payments } = await batchOf(batch.batch_id);
      const row = approver.getByRole("row").filter({
        has: approver.getByRole("link", { name: String(payments.completed), exact: true }),
      });
      return (await row.count()) > 0;
    });
  },
);

await step(
  "while the part that sends payments is away, the live page says what that means for money",
  async () => {
    await approver.route(/\/ops\/limiter$/, (route) =>
      route.fulfill({
        status: 503,
        contentType: "application/problem+json",
        body: '{"code":"dispatcher.away"}',
      }),
    );
    await approver
      .getByText(
        "Until it is back, no new payments are sent. Payments that were already sent are not lost and not sent twice",
      )
      .waitFor({ timeout: 20_000 });
    await approver.unroute(/\/ops\/limiter$/);
    await approver
      .getByText("The service that sends payments does not answer.")
      .waitFor({ state: "detached", timeout: 20_000 });
  },
);

const troubled = await step(
  "all that can end has ended; of the held ones the page says that it is not known whether they went out",
  async () => {
    let [back, looks] = [0, 0]; // how many have come back, and how often running it was as many
    await until("only held ones are left, and no more come back", async () => {
      const { payments: p } = await batchOf(batch.batch_id);
      [back, looks] = [p.reversed, p.reversed === back ? looks + 1 : 0];
      return (
        looks >= 8 &&
        back > 0 &&
        p.held > 0 &&
        p.unprocessed + p.sending + p.pending + p.in_doubt === 0
      );
    });
    const now = await batchOf(batch.batch_id);
    for (const state of BAD)
      assert.ok(now.payments[state] > 0, `no payment is ${state}: ${JSON.stringify(now.payments)}`);
    await preparer.goto(at);
    await settled(preparer);
    assert.match(
      await said(preparer),
      /No more payments are sent automatically: the rest waits for people to decide/,
    );
    assert.match(
      await said(preparer),
      new RegExp(
        `(${now.payments.held} payments are|One payment is) held \\(.*\\): we could not find out whether the provider made .*Nothing is sent until two people decide`,
      ),
    );
    return now;
  },
);

/** Follows a number to what is behind it, and counts that. */
async function behind(page, link) {
  const number = Number((await link.textContent()).replaceAll(",", ""));
  const back = page.url();
  await link.click();
  await page.waitForURL((url) => url.href !== back);
  await settled(page);
  const rows = await page.locator("[data-rowindex]").count();
  await page.goto(back);
  await settled(page);
  return { number, rows };
}

await step(
  "what did not go as approved is grouped by cause, and each number leads to exactly those payments",
  async () => {
    await preparer.goto(`${at}/failures`);
    await settled(preparer);
    const links = preparer.getByRole("table").getByRole("link", { name: /^[\d,]+$/ });
    const groups = await links.count();
    assert.ok(groups >= BAD.length, `${groups} groups`);
    let sum = 0;
    for (let n = 0; n < groups; n += 1) {
      const { number, rows } = await behind(preparer, links.nth(n));
      assert.equal(rows, number, `group ${n} says ${number} and leads to ${rows}`);
      sum += number;
    }
    assert.equal(
      sum,
      BAD.reduce((all, state) => all + troubled.payments[state], 0),
    );
  },
);

await step(
  "failed payments are taken into a batch of their own, which nobody has approved",
  async () => {
    await preparer.goto(`${at}/failures`);
    const row = preparer.getByRole("row").filter({ hasText: "Failed" }).first();
    const number = Number(await row.getByRole("link", { name: /^[\d,]+$/ }).textContent());
    await row.getByRole("button").click();
    await preparer
      .getByRole("dialog")
      .getByLabel(/Reason/)
      .fill("the servicer has confirmed the account");
    await preparer.getByRole("dialog").getByRole("button").last().click();
    await preparer.waitForURL(
      (url) =>
        /\/batches\/[0-9a-f-]+$/.test(url.pathname) && !url.pathname.endsWith(batch.batch_id),
    );
    const child = preparer.url().split("/").at(-1);
    const made = await reach(child, "ready");
    assert.equal(made.parent_batch_id, batch.batch_id);
    assert.equal(made.rows.payable, number);
    await preparer.getByText("No money has gone out.").waitFor();
    await api("demo-preparer", "POST", `/batches/${child}/discard`, { reason: "this was a trial" });
  },
);

async function decide(page, act, button) {
  await page.getByLabel("Your decision").selectOption({ label: act });
  await page.getByLabel(/Reason/).fill("the provider says that it has no such payment");
  await page.getByRole("button", { name: button }).click();
}

await step(
  "a held payment ends when two people say the same, the second of them an approver; one alone does not",
  async () => {
    const { body } = await api("demo-auditor", "GET", `${at}/payments?status=held&limit=1`);
    const held = `/payments/${body.items[0].payment_id}`;
    await preparer.goto(held);
    await preparer.getByRole("heading", { name: "Decide about this held payment" }).waitFor();
    await decide(preparer, "It was never made: close it without paying", "Propose this decision");
    await preparer.getByText("Another person, an approver, has to confirm it.").waitFor();
    await decide(preparer, "It was never made: close it without paying", "Propose this decision");
    assert.equal(
      (await api("demo-auditor", "GET", held)).body.status,
      "held",
      "one person alone has ended it",
    );
    await approver.goto(held);
    await approver.getByText("If you make the same decision, it takes effect.").waitFor();
    await decide(approver, "It was never made: close it without paying", "Confirm this decision");
    await until(
      "the payment is cancelled",
      async () => (await api("demo-auditor", "GET", held)).body.status === "cancelled",
    );
    await approver.getByText("Cancelled").first().waitFor();
  },
);

/** Dead letters nobody has redriven. */
async function waiting() {
  const { body } = await api("demo-operator", "GET", "/ops/dead-letters");
  return body.items.filter((one) => !one.redriven_at);
}

await step(
  "messages no service could apply: applied again where their cause is gone, refused with its reason where it is not",
  async () => {
    const kafka = process.env.KAFKA;
    assert.ok(kafka, "KAFKA names no broker");
    python("dashboard.e2e.dead_letter", kafka, batch.batch_id);
    await until(
      "both messages are dead letters of three services",
      async () => (await waiting()).length >= 6,
    );
    await operator.goto("/");
    await operator
      .getByText(/dead letters?/i)
      .first()
      .waitFor();
    await operator.goto("/operations");
    await settled(operator);
    const row = (service, code) =>
      operator
        .getByRole("row")
        .filter({ hasText: service })
        .filter({ hasText: code })
        .filter({ has: operator.getByRole("button") })
        .first();
    const order = async (found) => {
      await found.getByRole("button").click();
      await operator.getByRole("dialog").getByRole("button").last().click();
    };
    await order(row("reports", "event.no-id"));
    await operator.getByRole("dialog").waitFor({ state: "detached" });
    await operator
      .getByText(/demo-operator/)
      .first()
      .waitFor();
    assert.ok(
      (await api("demo-operator", "GET", "/ops/dead-letters")).body.items.some(
        (one) => one.redriven_by === "demo-operator",
      ),
    );
    const other = (await waiting()).find(
      (one) => one.service === "reports" && one.code !== "event.no-id",
    );
    await order(row("reports", other.code));
    await operator.getByRole("dialog").getByRole("alert").waitFor();
    await operator.keyboard.press("Escape");
    assert.ok(
      (await waiting()).some((one) => one.dead_letter_id === other.dead_letter_id),
      "what is still wrong stays a dead letter",
    );
    for (const one of (await waiting()).filter(({ code }) => code === "event.no-id"))
      await api("demo-operator", "POST", `/ops/dead-letters/${one.dead_letter_id}/redrive`);
  },
);

await step(
  "rows another batch of the period pays are excluded; the approver takes one in, with a reason, and only that one is paid",
  async () => {
    await provider("DELETE", "outcomes");
    await provider("DELETE", "faults");
    const again = join(folder, "again.xml");
    writeFileSync(again, `${readFileSync(file, "utf8").trimEnd()}\n\n`);
    const second = await ready(again, { period: "2026-12-07", reason: "sent again by payroll" });
    assert.ok(second.rows.excluded > 0, JSON.stringify(second.rows));
    await preparer.goto(`/batches/${second.batch_id}/checks`);
    await settled(preparer);
    const card = main(preparer)
      .locator("section")
      .filter({ has: preparer.getByRole("heading", { name: /^Excluded/ }) })
      .first();
    const links = card.getByRole("link", { name: /^[\d,]+$/ });
    let sum = 0;
    for (let n = 0; n < (await links.count()); n += 1)
      sum += Number(await links.nth(n).textContent());
    assert.equal(sum, second.rows.excluded, "the groups come to the number of excluded rows");
    await approver.goto(`/batches/${second.batch_id}/approval`);
    await settled(approver);
    const boxes = approver.getByRole("checkbox", { name: /^Include row/ });
    assert.equal(
      await boxes.first().isDisabled(),
      true,
      "a row cannot be included without a reason",
    );
    await approver.getByLabel("Reason for including").fill("a second bonus, agreed with finance");
    await boxes.first().check();
    for (const box of await approver.locator("fieldset").getByRole("checkbox").all())
      await box.check();
    await approver.getByRole("button", { name: /^Approve \d/ }).click();
    await approver.getByRole("dialog").getByText("Pay this batch?").waitFor();
    assert.match(
      (await approver.getByRole("dialog").textContent()) ?? "",
      /You chose to include one excluded row as well/,
    );
    await approver.getByRole("button", { name: "Yes, approve and pay" }).click();
    await approver.waitForURL(/\/live$/, { timeout: 30_000 });
    const ended = await until("it has ended", async () => {
      const now = await batchOf(second.batch_id);
      return now.status.startsWith("completed") && now;
    });
    assert.equal(ended.payments.total, second.rows.payable + 1);
    assert.equal(ended.payments.completed, ended.payments.total);
  },
);

await browser.close();
assert.deepEqual(faults.flat(), [], "no page reported an error");
console.log("every trouble was shown as it is");
