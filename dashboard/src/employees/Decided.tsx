/** What people decided about the rows of an employee or a loan, and the holds on it. */
import type { ReactElement } from "react";
import type { EmployeeDecision, Hold } from "../api/client";
import { ApiText } from "../i18n/ApiText";
import { type MessageId, T, useText } from "../i18n/i18n";
import { Card } from "../ui/Card";
import { DateTime } from "../ui/format";
import { HeldThing } from "../ui/HeldThing";
import { HoldDays } from "../ui/HoldDays";
import { Empty } from "../ui/Loading";
import { Link } from "../ui/links";
import { type Column, ListTable } from "../ui/ListTable";

type DecidedProps = {
  decisions: readonly EmployeeDecision[];
  holds: readonly Hold[];
  /** A button beside the title of the holds. */
  action?: ReactElement | null;
};

export function Decided({ decisions, holds, action }: DecidedProps): ReactElement {
  const text = useText();
  return (
    <>
      <Card title={<T id="employee.holds" />} actions={action}>
        {holds.length > 0 ? (
          <ListTable
            label={text("employee.holds")}
            rows={holds}
            rowId={(hold) => hold.hold_id}
            columns={HOLDS}
          />
        ) : (
          <Empty>
            <T id="holds.none" />
          </Empty>
        )}
      </Card>
      {decisions.length > 0 && (
        <Card title={<T id="employee.decisions" />}>
          <ListTable
            label={text("employee.decisions")}
            rows={decisions}
            rowId={(decision) => decision.decision_id}
            columns={DECISIONS}
          />
        </Card>
      )}
    </>
  );
}

const HOLDS: readonly Column<Hold>[] = [
  { header: "holds.what", wide: true, cell: (hold) => <HeldThing hold={hold} /> },
  { header: "holds.days", cell: (hold) => <HoldDays {...hold} /> },
  { header: "column.by", cell: (hold) => <Who who={hold.set_by} at={hold.set_at} /> },
  { header: "column.reason", wide: true, cell: why },
  {
    header: "column.status",
    cell: (hold) =>
      hold.lifted_by === null ? (
        <T id="employee.stands" />
      ) : (
        <>
          <T id="employee.lifted" /> <Who who={hold.lifted_by} at={hold.lifted_at} />
          {hold.lift_reason && ` · ${hold.lift_reason}`}
        </>
      ),
  },
];

const DECISIONS: readonly Column<EmployeeDecision>[] = [
  {
    header: "column.batch",
    cell: (decision) => (
      <Link to="/batches/$batchId" params={{ batchId: decision.batch_id }}>
        {decision.filename}
      </Link>
    ),
  },
  {
    header: "column.what",
    wide: true,
    cell: (decision) => (
      <>
        <T id={`decide.${decision.act}` as MessageId} /> ·{" "}
        <ApiText text={decision.target} kind="values" />
      </>
    ),
  },
  {
    header: "column.by",
    cell: ({ decided_by, decided_at }) => <Who who={decided_by} at={decided_at} />,
  },
  { header: "column.reason", wide: true, cell: why },
  {
    header: "column.status",
    cell: (decision) =>
      decision.withdrawn_by === null ? (
        <T id="employee.stands" />
      ) : (
        <>
          <T id="employee.taken-back" />{" "}
          <Who who={decision.withdrawn_by} at={decision.withdrawn_at} />
        </>
      ),
  },
];

function why({ reason, evidence }: { reason: string; evidence: string }): string {
  return [reason, evidence].filter(Boolean).join(" · ");
}

function Who({ who, at }: { who: string; at: string | null }): ReactElement {
  return (
    <>
      {who} · <DateTime at={at} />
    </>
  );
}
