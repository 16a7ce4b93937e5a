/** Rules by amount: what holds, what waits for a second person, proposing others, the history. */
import type { ReactElement } from "react";
import { type ApprovalRules, query } from "../api/client";
import { hasRole } from "../api/session";
import { useSignedIn } from "../api/signedIn";
import { T, useText } from "../i18n/i18n";
import { Card } from "../ui/Card";
import { DateTime } from "../ui/format";
import { Link } from "../ui/links";
import { type Column, ListTable } from "../ui/ListTable";
import { Page } from "../ui/Page";
import { QueryView } from "../ui/QueryView";
import { ProposedRules } from "./ProposedRules";
import { ProposeRules } from "./ProposeRules";
import { Rules } from "./Rules";

export default function ApprovalRulesPage(): ReactElement {
  const { me } = useSignedIn();
  const text = useText();
  const found = query.useQuery("get", "/api/v1/approval-rules");
  const reload = () => void found.refetch();
  return (
    <Page
      title={text("rules.title")}
      lead={<T id="rules.lead" />}
      actions={
        <Link to="/settings">
          <T id="nav.settings" />
        </Link>
      }
    >
      <QueryView query={found}>
        {({ current, proposal, items }) => (
          <>
            <Card title={<T id="rules.current" />}>
              <Rules rules={current?.rules} />
            </Card>
            {proposal && <ProposedRules proposal={proposal} onEnded={reload} />}
            {hasRole(me, "admin") && !proposal && (
              <ProposeRules
                key={current?.rules_version ?? 0}
                current={current}
                onProposed={reload}
              />
            )}
            {items.length > 0 && (
              <Card title={<T id="rules.history" />}>
                <ListTable
                  label={text("rules.history")}
                  rows={items}
                  rowId={(one) => `${one.rules_version}`}
                  columns={COLUMNS}
                />
              </Card>
            )}
          </>
        )}
      </QueryView>
    </Page>
  );
}

const COLUMNS: readonly Column<ApprovalRules>[] = [
  { header: "rules.version", numeric: true, cell: (one) => one.rules_version },
  { header: "column.status", cell: (one) => <T id={`rules.state.${one.state}`} /> },
  { header: "rules.rules", wide: true, cell: (one) => <Rules rules={one.rules} /> },
  {
    header: "rules.proposed",
    cell: (one) => (
      <>
        {one.proposed_by} · <DateTime at={one.proposed_at} />
      </>
    ),
  },
  {
    header: "rules.decided",
    cell: (one) =>
      one.ended_at && (
        <>
          {one.ended_by} · <DateTime at={one.ended_at} />
        </>
      ),
  },
  {
    header: "column.reason",
    wide: true,
    cell: (one) => [one.reason, one.end_reason].filter(Boolean).join(" · "),
  },
];
