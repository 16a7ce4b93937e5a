/** What needs this person now, and the last batches. */
import type { ReactElement } from "react";
import { type BatchLine, query } from "../api/client";
import { may, type Person } from "../api/session";
import { useBatchQuery } from "../batch/useBatch";
import { BatchTable } from "../batches/BatchTable";
import { type Id, T, useText } from "../i18n/i18n";
import { Count, Money } from "../ui/figures";
import { ButtonLink, Link } from "../ui/links";
import { useMe } from "../ui/me";
import { Card, Empty, Loading, Notice, Page } from "../ui/page";
import { ProblemPanel } from "../ui/ProblemPanel";
import { StateChip } from "../ui/StateChip";
import { RUNNING } from "../ui/states";
import { ListTable } from "../ui/table";

const NEWEST = 50;
const LAST = 5;

export type Task = {
  batch: BatchLine;
  word: Id;
  to: "approval" | "checks" | "live" | "failures" | "overview";
};

/** What a person has to do or to know, of these batches; what waits for somebody comes first. */
export function tasksOf(batches: readonly BatchLine[], me: Person): Task[] {
  const tasks: (Task & { rank: number })[] = [];
  for (const batch of batches) {
    if (batch.status === "ready") {
      const own = batch.uploaded_by === me.id;
      if (may(me, "approver") && !own)
        tasks.push({ batch, word: "task.approve", to: "approval", rank: 0 });
      else
        tasks.push({
          batch,
          word: may(me, "preparer") ? "task.waits" : "task.waits-others",
          to: may(me, "preparer") ? "checks" : "overview",
          rank: 2,
        });
    } else if (batch.status === "paused") {
      tasks.push({ batch, word: "task.paused", to: "live", rank: 1 });
    } else if (RUNNING.has(batch.status)) {
      tasks.push({ batch, word: "task.running", to: "live", rank: 3 });
    } else if (batch.status === "completed_with_failures") {
      tasks.push({ batch, word: "task.failures", to: "failures", rank: 1 });
    } else if (batch.status === "rejected" && may(me, "preparer")) {
      tasks.push({ batch, word: "task.rejected", to: "overview", rank: 2 });
    } else if (["receiving", "reading", "checking"].includes(batch.status)) {
      tasks.push({ batch, word: "task.checking", to: "overview", rank: 4 });
    }
  }
  return tasks.toSorted((a, b) => a.rank - b.rank);
}

const TARGETS = {
  approval: "/batches/$batchId/approval",
  checks: "/batches/$batchId/checks",
  live: "/batches/$batchId/live",
  failures: "/batches/$batchId/failures",
  overview: "/batches/$batchId",
} as const;

export default function HomePage(): ReactElement {
  const { me } = useMe();
  const text = useText();
  const found = query.useQuery(
    "get",
    "/api/v1/batches",
    { params: { query: { limit: NEWEST } } },
    { refetchInterval: 5_000 },
  );
  const batches = (found.data?.items ?? []) as BatchLine[];
  const tasks = tasksOf(batches, me);
  return (
    <Page
      title={text("home.title")}
      lead={<T id="home.lead" values={{ name: me.name }} />}
      actions={
        may(me, "preparer") && (
          <ButtonLink to="/upload">
            <T id="home.upload" />
          </ButtonLink>
        )
      }
    >
      {found.error && <ProblemPanel error={found.error} retry={() => void found.refetch()} />}
      {may(me, "operator", "admin", "auditor") && <Machine />}
      <Card title={<T id="home.tasks" />}>
        {found.isPending && <Loading />}
        {found.data && tasks.length === 0 && (
          <Empty>
            <T id={batches.length === 0 ? "home.first" : "home.nothing"} />
          </Empty>
        )}
        {tasks.length > 0 && <Tasks tasks={tasks} />}
      </Card>
      {batches.length > 0 && (
        <Card
          title={<T id="home.last" />}
          actions={
            <Link to="/batches">
              <T id="home.all" values={{ n: found.data?.total ?? 0 }} />
            </Link>
          }
        >
          <BatchTable rows={batches.slice(0, LAST)} />
        </Card>
      )}
    </Page>
  );
}

function TaskLink({ task }: { task: Task }): ReactElement {
  return (
    <Link to={TARGETS[task.to]} params={{ batchId: task.batch.batch_id }}>
      <T id={task.word} values={{ file: task.batch.filename }} />
    </Link>
  );
}

/** A run to watch, unless payments of it wait for people: the list does not say so, the batch itself does. */
function Running({ batch }: { batch: BatchLine }): ReactElement {
  const held = useBatchQuery(batch.batch_id).data?.payments.held ?? 0;
  if (held === 0) return <TaskLink task={{ batch, word: "task.running", to: "live" }} />;
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

function Tasks({ tasks }: { tasks: readonly Task[] }): ReactElement {
  const { me } = useMe();
  const text = useText();
  return (
    <ListTable
      label={text("home.tasks")}
      rows={tasks}
      id={(task) => task.batch.batch_id}
      columns={[
        {
          key: "what",
          head: <T id="column.what" />,
          wide: true,
          cell: (task) =>
            task.word === "task.running" && may(me, "preparer", "approver") ? (
              <Running batch={task.batch} />
            ) : (
              <TaskLink task={task} />
            ),
        },
        {
          key: "state",
          head: <T id="column.status" />,
          cell: (task) => <StateChip kind="batch" state={task.batch.status} />,
        },
        {
          key: "rows",
          head: <T id="column.payable-rows" />,
          right: true,
          cell: (task) => (task.batch.rows ? <Count of={task.batch.rows.payable} /> : "—"),
        },
        {
          key: "money",
          head: <T id="column.payable" />,
          right: true,
          cell: (task) =>
            task.batch.amount_cents ? <Money cents={task.batch.amount_cents.payable} /> : "—",
        },
      ]}
    />
  );
}

/** For those who keep it running: whether every part of the system is there. */
function Machine(): ReactElement | null {
  const health = query.useQuery("get", "/api/v1/ops/health", {}, { refetchInterval: 10_000 });
  const letters = query.useQuery(
    "get",
    "/api/v1/ops/dead-letters",
    {},
    { refetchInterval: 15_000 },
  );
  if (health.error)
    return (
      <Notice tone="warning" live away>
        <T id="machine.unknown" />{" "}
        <Link to="/operations">
          <T id="nav.operations" />
        </Link>
      </Notice>
    );
  if (!health.data) return null;
  const away = health.data.services
    .filter((service) => !service.ready)
    .map((service) => service.name);
  const dead = (letters.data?.items ?? []).filter((letter) => !letter.redriven_at).length;
  return (
    <Notice tone={away.length > 0 || dead > 0 ? "warning" : "success"}>
      {away.length > 0 ? (
        <T id="machine.away" values={{ names: away.join(", ") }} />
      ) : (
        <T id="machine.ready" values={{ n: health.data.services.length }} />
      )}
      {letters.data && (
        <>
          {" "}
          <T id="machine.dead" values={{ n: dead }} />
        </>
      )}{" "}
      <Link to="/operations">
        <T id="nav.operations" />
      </Link>
    </Notice>
  );
}
