// Every page, with the person who uses it, on whatever the running system holds.
import { api } from "./browser.mjs";

/** Pages of the newest batch in each phase; a phase that no batch is in has no page. */
export async function pages() {
  const { body } = await api("demo-preparer", "GET", "/batches?limit=100");
  const ended = body.items.find((batch) => batch.status.startsWith("completed"));
  const ready = body.items.find((batch) => batch.status === "ready");
  const running = body.items.find((batch) =>
    ["approved", "paying", "paused"].includes(batch.status),
  );
  const refused = body.items.find((batch) => batch.status === "rejected");
  const found = [
    ["home", "/", "demo-preparer"],
    ["home-approver", "/", "demo-approver"],
    ["home-operator", "/", "demo-operator"],
    ["upload", "/upload", "demo-preparer"],
    ["upload-forbidden", "/upload", "demo-auditor"],
    ["batches", "/batches", "demo-preparer"],
    ["batches-empty", "/batches?q=nothing-is-called-this", "demo-preparer"],
    ["ledger", "/ledger", "demo-auditor"],
    ["journals", "/ledger/journals", "demo-auditor"],
    ["reconciliation", "/reconciliation", "demo-approver"],
    ["operations", "/operations", "demo-operator"],
    ["audit", "/audit", "demo-auditor"],
    ["settings", "/settings", "demo-preparer"],
    ["tokens", "/settings/tokens", "demo-admin"],
    ["tokens-forbidden", "/settings/tokens", "demo-preparer"],
    ["unknown", "/batches/00000000-0000-4000-8000-000000000000", "demo-preparer"],
    ["nowhere", "/nowhere", "demo-preparer"],
  ];
  if (ended) {
    const at = `/batches/${ended.batch_id}`;
    const { body: paid } = await api(
      "demo-preparer",
      "GET",
      `${at}/payments?limit=1&status=completed`,
    );
    found.push(
      ["overview", at, "demo-preparer"],
      ["rows", `${at}/rows`, "demo-preparer"],
      ["rows-filtered", `${at}/rows?status=unpayable&sort=-amount_cents`, "demo-preparer"],
      ["checks", `${at}/checks`, "demo-preparer"],
      ["approved", `${at}/approval`, "demo-auditor"],
      ["live-ended", `${at}/live`, "demo-approver"],
      ["payments", `${at}/payments`, "demo-preparer"],
      ["failures", `${at}/failures`, "demo-preparer"],
      ["activity", `${at}/activity`, "demo-auditor"],
      ["reports", `${at}/reports`, "demo-preparer"],
      ["payment", `/payments/${paid.items[0]?.payment_id}`, "demo-preparer"],
    );
  }
  if (running) found.push(["live", `/batches/${running.batch_id}/live`, "demo-approver"]);
  if (ready)
    found.push(
      ["overview-ready", `/batches/${ready.batch_id}`, "demo-approver"],
      ["changes", `/batches/${ready.batch_id}/changes`, "demo-approver"],
      ["checks-ready", `/batches/${ready.batch_id}/checks`, "demo-preparer"],
      ["approval", `/batches/${ready.batch_id}/approval`, "demo-approver"],
    );
  if (refused) found.push(["refused", `/batches/${refused.batch_id}`, "demo-preparer"]);
  return found;
}
