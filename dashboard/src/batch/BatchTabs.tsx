import { styled } from "@mui/material/styles";
import type { ReactElement } from "react";
import type { Batch } from "../api/client";
import { NEVER_APPROVED } from "../api/statuses";
import { type MessageId, T, useText } from "../i18n/i18n";
import { Link } from "../ui/links";

const Tabs = styled("nav")(({ theme }) => ({
  display: "flex",
  flexWrap: "wrap",
  gap: "0 4px",
  borderBottom: `1px solid ${(theme.vars ?? theme).palette.divider}`,
  marginBottom: 16,
  "& a": {
    padding: "8px 12px",
    textDecoration: "none",
    color: (theme.vars ?? theme).palette.text.primary,
  },
  "& a:hover": { background: (theme.vars ?? theme).palette.action.hover },
  "& a[aria-current]": {
    fontWeight: 650,
    boxShadow: `inset 0 -3px 0 ${(theme.vars ?? theme).palette.primary.main}`,
  },
}));

type Tab = {
  to:
    | "/"
    | "/rows"
    | "/checks"
    | "/changes"
    | "/approval"
    | "/live"
    | "/payments"
    | "/failures"
    | "/activity"
    | "/reports";
  label: MessageId;
  count?: number;
};

/** The tabs of a batch. Those about payments appear once it was approved. */
export function BatchTabs({ batch }: { batch: Batch }): ReactElement {
  const text = useText();
  return (
    <Tabs aria-label={text("batch.tabs")} data-keeps-focus>
      {tabsOf(batch).map(({ to, label, count }) => (
        <Link
          key={to}
          to={`/batches/$batchId${to}` as "/batches/$batchId"}
          params={{ batchId: batch.batch_id }}
          activeOptions={{ exact: true, includeSearch: false }}
          activeProps={{ "aria-current": "page" }}
        >
          <T id={label} />
          {count !== undefined && count > 0 && <> ({text("number", { n: count })})</>}
        </Link>
      ))}
    </Tabs>
  );
}

function tabsOf(batch: Batch): Tab[] {
  const { payments } = batch;
  const failures = payments.failed + payments.reversed + payments.held + payments.in_doubt;
  const paymentTabs: Tab[] = [
    { to: "/live", label: "tab.live" },
    { to: "/payments", label: "tab.payments", count: payments.total },
    { to: "/failures", label: "tab.failures", count: failures },
  ];
  return [
    { to: "/", label: "tab.overview" },
    { to: "/rows", label: "tab.rows", count: batch.rows.total },
    { to: "/checks", label: "tab.checks", count: batch.issues.length },
    { to: "/changes", label: "tab.changes" },
    { to: "/approval", label: "tab.approval" },
    ...(NEVER_APPROVED.has(batch.status) ? [] : paymentTabs),
    { to: "/activity", label: "tab.activity" },
    { to: "/reports", label: "tab.reports" },
  ];
}
