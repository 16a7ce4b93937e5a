/**
 * Payments that did not go as approved, grouped by cause. What may be paid again gets a new batch.
 */
import type { ReactElement } from "react";
import { hasRole } from "../../../api/session";
import { useSignedIn } from "../../../api/signedIn";
import { ENDED } from "../../../api/statuses";
import { ApiText } from "../../../i18n/ApiText";
import { T, useText } from "../../../i18n/i18n";
import { Card } from "../../../ui/Card";
import { Code, Count, Money } from "../../../ui/format";
import { Link } from "../../../ui/links";
import { type Column, ListTable } from "../../../ui/ListTable";
import { Loading } from "../../../ui/Loading";
import { Notice } from "../../../ui/Notice";
import { ProblemPanel } from "../../../ui/ProblemPanel";
import { StatusChip } from "../../../ui/StatusChip";
import { useBatch } from "../../BatchContext";
import { NewBatchFromRows } from "../../NewBatchFromRows";
import { PartlyReadNotice } from "../../PartlyReadNotice";
import { type Group, groupSearch, useGroupedPayments } from "../../useGroupedRows";

const FAILURES = ["failed", "reversed", "in_doubt", "held", "cancelled"] as const;

export default function FailuresTab(): ReactElement {
  const { batch } = useBatch();
  const text = useText();
  const grouped = useGroupedPayments(batch, FAILURES);
  if (grouped.error)
    return <ProblemPanel error={grouped.error} retry={() => void grouped.refetch()} />;
  if (!grouped.data) return <Loading />;
  if (grouped.data.groups.length === 0) return <NoFailures ended={ENDED.has(batch.status)} />;
  return (
    <Card title={<T id="failures.title" />}>
      <p>
        <T id="failures.means" />
      </p>
      <PartlyReadNotice grouped={grouped.data} />
      <ListTable
        label={text("failures.title")}
        rows={grouped.data.groups}
        rowId={(group) => group.key}
        columns={columnsOf(batch.batch_id)}
      />
    </Card>
  );
}

function NoFailures({ ended }: { ended: boolean }): ReactElement {
  return (
    <Notice tone={ended ? "success" : "neutral"}>
      <T id={ended ? "failures.none" : "failures.none-yet"} />
    </Notice>
  );
}

function columnsOf(batchId: string): Column<Group>[] {
  return [
    {
      header: "column.status",
      cell: (group) => <StatusChip kind="payment" status={group.status} />,
    },
    {
      header: "column.reason",
      wide: true,
      cell: (group) => (
        <>
          {group.reason ? (
            <ApiText text={group.reason} kind="reasons" code={group.code} />
          ) : (
            <T id="failures.no-reason" />
          )}{" "}
          {group.code && <Code>{group.code}</Code>}
        </>
      ),
    },
    {
      header: "column.payments",
      numeric: true,
      cell: (group) => (
        <Link to="/batches/$batchId/payments" params={{ batchId }} search={groupSearch(group)}>
          <Count value={group.count} />
        </Link>
      ),
    },
    { header: "column.amount", numeric: true, cell: (group) => <Money cents={group.cents} /> },
    { header: "failures.example", cell: (group) => <Example paymentId={group.ids[0]} /> },
    { header: "failures.act", wide: true, cell: (group) => <Remedy group={group} /> },
  ];
}

function Example({ paymentId }: { paymentId: string | undefined }): ReactElement {
  if (!paymentId) return <>—</>;
  return (
    <Link to="/payments/$paymentId" params={{ paymentId }}>
      <T id="failures.open" />
    </Link>
  );
}

/**
 * What can be done about a group: a new batch for payments that are over, a hint for all others.
 */
function Remedy({ group }: { group: Group }): ReactElement {
  const { me } = useSignedIn();
  if (group.status === "reversed") return <T id="failures.reversed" />;
  if (group.status === "in_doubt") return <T id="failures.in_doubt" />;
  if (group.status === "held") return <T id="failures.held" />;
  if (!hasRole(me, "preparer")) return <T id="failures.preparer" />;
  return (
    <NewBatchFromRows
      filter={group.status === "cancelled" ? "cancelled" : "failed"}
      payments={group.ids}
      count={group.count}
      cents={group.cents}
    />
  );
}
