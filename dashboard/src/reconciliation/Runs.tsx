import type { ReactElement } from "react";
import { query, type ReconciliationRun } from "../api/client";
import { T, useText } from "../i18n/i18n";
import { useAddress } from "../ui/address";
import { Card } from "../ui/Card";
import { Count, DateTime, Money, ShortId } from "../ui/format";
import { Icon, type IconName } from "../ui/icons";
import { Link } from "../ui/links";
import { type Column, ListTable } from "../ui/ListTable";
import { Empty } from "../ui/Loading";
import { QueryView } from "../ui/QueryView";
import { Word } from "../ui/Word";

const SHOWN_MAX = 10;

/** The newest comparisons, of one batch or of all. */
export function Runs(): ReactElement {
  const [{ batch_id }] = useAddress();
  const text = useText();
  const runs = query.useQuery(
    "get",
    "/api/v1/reconciliation/runs",
    { params: { query: { limit: SHOWN_MAX, batch_id } } },
    { refetchInterval: 10_000 },
  );
  return (
    <Card title={<T id="reconciliation.runs" values={{ n: runs.data?.total ?? 0 }} />}>
      <p>
        <T id="reconciliation.runs.newest" values={{ n: SHOWN_MAX }} />
      </p>
      <QueryView query={runs}>
        {({ items }) =>
          items.length > 0 ? (
            <ListTable
              label={text("reconciliation.runs", { n: items.length })}
              rows={items}
              rowId={(run) => run.run_id}
              columns={COLUMNS}
            />
          ) : (
            <Empty>
              <T id="reconciliation.runs.none" />
            </Empty>
          )
        }
      </QueryView>
    </Card>
  );
}

const COLUMNS: readonly Column<ReconciliationRun>[] = [
  { header: "column.time", cell: (run) => <DateTime at={run.begun_at} /> },
  {
    header: "column.status",
    cell: ({ status }) => (
      <>
        <Icon name={iconOf(status)} /> <Word prefix="run" code={status} />
      </>
    ),
  },
  { header: "column.batch", cell: (run) => <BatchLink batchId={run.batch_id} /> },
  {
    header: "reconciliation.lines",
    numeric: true,
    cell: ({ lines }) => (lines === null ? "—" : <Count value={lines} />),
  },
  {
    header: "column.amount",
    numeric: true,
    cell: ({ amount_cents: cents }) => (cents === null ? "—" : <Money cents={cents} />),
  },
  { header: "reconciliation.breaks", numeric: true, cell: (run) => <BreakCount run={run} /> },
  {
    header: "column.by",
    cell: (run) => run.requested_by || <T id="reconciliation.automatic" />,
  },
];

function iconOf(status: ReconciliationRun["status"]): IconName {
  if (status === "clean") return "check-circle";
  return status === "waiting" ? "clock" : "triangle";
}

function BatchLink({ batchId }: { batchId: string | null }): ReactElement {
  if (!batchId) return <>—</>;
  return (
    <Link to="/batches/$batchId" params={{ batchId }}>
      <ShortId id={batchId} />
    </Link>
  );
}

/** How many differences a run found; a dash until its result is known. */
function BreakCount({ run }: { run: ReconciliationRun }): ReactElement {
  if (run.break_count === null) return <>—</>;
  const count = <Count value={run.break_count} />;
  if (!run.batch_id) return count;
  return (
    <Link to="/reconciliation" search={{ batch_id: run.batch_id }}>
      {count}
    </Link>
  );
}
