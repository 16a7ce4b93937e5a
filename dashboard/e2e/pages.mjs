// The list of all pages, with the person who uses each, on whatever batches the system holds.
import { callApi } from "./browser.mjs";

const FIXED_PAGES = [
  ["home", "/", "demo-preparer"],
  ["home-approver", "/", "demo-approver"],
  ["home-operator", "/", "demo-operator"],
  ["upload", "/upload", "demo-preparer"],
  ["upload-forbidden", "/upload", "demo-auditor"],
  ["batches", "/batches", "demo-preparer"],
  ["batches-empty", "/batches?q=nothing-is-called-this", "demo-preparer"],
  ["holds", "/holds", "demo-preparer"],
  ["ledger", "/ledger", "demo-auditor"],
  ["journals", "/ledger/journals", "demo-auditor"],
  ["finance", "/finance", "demo-preparer"],
  ["reconciliation", "/reconciliation", "demo-approver"],
  ["operations", "/operations", "demo-operator"],
  ["audit", "/audit", "demo-auditor"],
  ["settings", "/settings", "demo-preparer"],
  ["approval-rules", "/approval-rules", "demo-admin"],
  ["notifications", "/settings/notifications", "demo-admin"],
  ["tokens", "/settings/tokens", "demo-admin"],
  ["tokens-forbidden", "/settings/tokens", "demo-preparer"],
  ["unknown", "/batches/00000000-0000-4000-8000-000000000000", "demo-preparer"],
  ["nowhere", "/nowhere", "demo-preparer"],
];

/**
 * [name, path, person] of every page. A batch's pages are those of the newest batch in each phase;
 * a phase without a batch has no pages.
 */
export async function listPages() {
  const { body } = await callApi("demo-preparer", "GET", "/batches?limit=100");
  const newest = (...statuses) => body.items.find((batch) => statuses.includes(batch.status));
  const ended = newest("completed", "completed_with_failures");
  const running = newest("approved", "paying", "paused");
  const ready = newest("ready");
  const rejected = newest("rejected");
  return [
    ...FIXED_PAGES,
    ...(ended ? await endedPages(ended) : []),
    ...(running ? [["live", `/batches/${running.batch_id}/live`, "demo-approver"]] : []),
    ...(ready ? readyPages(ready) : []),
    ...(rejected ? [["rejected", `/batches/${rejected.batch_id}`, "demo-preparer"]] : []),
  ];
}

async function endedPages({ batch_id: id }) {
  const batch = `/batches/${id}`;
  const paid = await callApi("demo-preparer", "GET", `${batch}/payments?limit=1&status=completed`);
  const rows = await callApi("demo-preparer", "GET", `${batch}/rows?limit=1&status=payable`);
  const [row] = rows.body.items;
  return [
    ["overview", batch, "demo-preparer"],
    ["rows", `${batch}/rows`, "demo-preparer"],
    ["rows-filtered", `${batch}/rows?status=unpayable&sort=-amount_cents`, "demo-preparer"],
    ["checks", `${batch}/checks`, "demo-preparer"],
    ["approved", `${batch}/approval`, "demo-auditor"],
    ["live-ended", `${batch}/live`, "demo-approver"],
    ["payments", `${batch}/payments`, "demo-preparer"],
    ["failures", `${batch}/failures`, "demo-preparer"],
    ["activity", `${batch}/activity`, "demo-auditor"],
    ["reports", `${batch}/reports`, "demo-preparer"],
    ["payment", `/payments/${paid.body.items[0]?.payment_id}`, "demo-preparer"],
    ["employee", `/employees/${row?.person_id}`, "demo-preparer"],
    ["employee-forbidden", `/employees/${row?.person_id}`, "demo-operator"],
    ["loan", `/loans/${row?.loan_id}`, "demo-auditor"],
  ];
}

function readyPages({ batch_id: id }) {
  const batch = `/batches/${id}`;
  return [
    ["overview-ready", batch, "demo-approver"],
    ["changes", `${batch}/changes`, "demo-approver"],
    ["checks-ready", `${batch}/checks`, "demo-preparer"],
    ["approval", `${batch}/approval`, "demo-approver"],
  ];
}
