import { type ReactElement, Suspense } from "react";
import { useBatchQuery } from "../api/batchQuery";
import type { BatchLine } from "../api/client";
import { hasRole } from "../api/session";
import { useSignedIn } from "../api/signedIn";
import { lazyWithMessages, T, useText } from "../i18n/i18n";
import { Count, DateTime, Money } from "../ui/format";
import { Link } from "../ui/links";
import { type Column, ListTable } from "../ui/ListTable";
import { StatusChip } from "../ui/StatusChip";
import { overStatus } from "./putAway";
import type { Task } from "./tasks";

const PutAwayButton = lazyWithMessages(() => import("./PutAwayButton"));

const TARGETS = {
  approval: "/batches/$batchId/approval",
  checks: "/batches/$batchId/checks",
  live: "/batches/$batchId/live",
  failures: "/batches/$batchId/failures",
  overview: "/batches/$batchId",
} as const;

const COLUMNS: readonly Column<Task>[] = [
  { header: "column.what", wide: true, cell: (task) => <TaskCell task={task} /> },
  {
    header: "column.status",
    cell: ({ batch }) => <StatusChip kind="batch" status={batch.status} />,
  },
  {
    header: "column.payable-rows",
    numeric: true,
    cell: ({ batch }) => (batch.rows ? <Count value={batch.rows.payable} /> : "—"),
  },
  {
    header: "column.payable",
    numeric: true,
    cell: ({ batch }) => (batch.amount_cents ? <Money cents={batch.amount_cents.payable} /> : "—"),
  },
];

export function TaskTable({ tasks }: { tasks: readonly Task[] }): ReactElement {
  const text = useText();
  return (
    <ListTable
      label={text("home.tasks")}
      rows={tasks}
      rowId={(task) => task.batch.batch_id}
      columns={COLUMNS}
    />
  );
}

function TaskCell({ task }: { task: Task }): ReactElement {
  const { me } = useSignedIn();
  const decides = hasRole(me, "preparer", "approver");
  return task.message === "task.running" && decides ? (
    <RunningTask task={task} />
  ) : (
    <TaskLink task={task} />
  );
}

function TaskLink({ task: { batch, message, tab } }: { task: Task }): ReactElement {
  return (
    <>
      <Link to={TARGETS[tab]} params={{ batchId: batch.batch_id }}>
        <T id={message} values={{ file: batch.filename, at: <DateTime at={batch.start_at} /> }} />
      </Link>
      {overStatus(batch) && (
        <Suspense fallback={null}>
          <PutAwayButton batch={batch} />
        </Suspense>
      )}
    </>
  );
}

/** A batch to follow, unless it has held payments, which only the batch itself shows. */
function RunningTask({ task }: { task: Task }): ReactElement {
  const held = useBatchQuery(task.batch.batch_id).data?.payments.held ?? 0;
  return held === 0 ? <TaskLink task={task} /> : <HeldLink batch={task.batch} held={held} />;
}

function HeldLink({ batch, held }: { batch: BatchLine; held: number }): ReactElement {
  return (
    <Link
      to="/batches/$batchId/payments"
      params={{ batchId: batch.batch_id }}
      search={{ status: "held" }}
    >
      <T id="task.held" values={{ n: held, file: batch.filename }} />
    </Link>
  );
}
