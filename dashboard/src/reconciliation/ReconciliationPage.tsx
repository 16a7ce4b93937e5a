/** Comparisons with the provider's own list, and every difference that was found. */
import Button from "@mui/material/Button";
import { keepPreviousData } from "@tanstack/react-query";
import type { ReactElement } from "react";
import { query } from "../api/client";
import { cursorOf, pageOf } from "../api/paging";
import { may } from "../api/session";
import { isId, T, useText } from "../i18n/i18n";
import { useAddress } from "../ui/address";
import { Count, Duration, Money, ShortId, When } from "../ui/figures";
import { Choice, Field, Filters } from "../ui/Filters";
import { Icon } from "../ui/icons";
import { Link } from "../ui/links";
import { useMe } from "../ui/me";
import { Card, Empty, Loading, Notice, Page } from "../ui/page";
import { Pager } from "../ui/Pager";
import { ProblemPanel } from "../ui/ProblemPanel";
import { ListTable } from "../ui/table";
import { usePaged } from "../ui/usePaged";

const SIZE = 25;
const RUNS = 10;

export default function ReconciliationPage(): ReactElement {
  const { me } = useMe();
  const [search] = useAddress();
  const text = useText();
  const runs = query.useQuery(
    "get",
    "/api/v1/reconciliation/runs",
    { params: { query: { limit: RUNS, batch_id: search.batch_id } } },
    { refetchInterval: 10_000 },
  );
  const order = query.useMutation("post", "/api/v1/reconciliation/runs", {
    onSuccess: () => void runs.refetch(),
  });
  const list = runs.data?.items ?? [];
  const asked = order.data as { batches?: string[] } | undefined;
  return (
    <Page
      title={text("nav.reconciliation")}
      lead={<T id="reconciliation.lead" />}
      actions={
        may(me, "approver", "operator") && (
          <Button
            variant="contained"
            disabled={order.isPending}
            onClick={() =>
              order.mutate({ body: search.batch_id ? { batch_id: search.batch_id } : {} })
            }
          >
            <T id="reconciliation.run" />
          </Button>
        )
      }
    >
      {order.error && <ProblemPanel error={order.error} />}
      {asked && (
        <Notice tone="info" live>
          <T id="reconciliation.asked" values={{ n: asked.batches?.length ?? 0 }} />
        </Notice>
      )}
      <Breaks />
      <Card title={<T id="reconciliation.runs" values={{ n: runs.data?.total ?? 0 }} />}>
        <p>
          <T id="reconciliation.runs.newest" values={{ n: RUNS }} />
        </p>
        {runs.error && <ProblemPanel error={runs.error} retry={() => void runs.refetch()} />}
        {runs.isPending && <Loading />}
        {runs.data && list.length === 0 && (
          <Empty>
            <T id="reconciliation.runs.none" />
          </Empty>
        )}
        {list.length > 0 && (
          <ListTable
            label={text("reconciliation.runs", { n: list.length })}
            rows={list}
            id={(run) => run.run_id}
            columns={[
              {
                key: "at",
                head: <T id="column.time" />,
                cell: (run) => <When at={run.begun_at} />,
              },
              {
                key: "status",
                head: <T id="column.status" />,
                cell: (run) => (
                  <>
                    <Icon
                      name={
                        run.status === "clean"
                          ? "check-circle"
                          : run.status === "waiting"
                            ? "clock"
                            : "triangle"
                      }
                    />{" "}
                    <Word prefix="run" of={run.status} />
                  </>
                ),
              },
              {
                key: "batch",
                head: <T id="column.batch" />,
                cell: (run) =>
                  run.batch_id ? (
                    <Link to="/batches/$batchId" params={{ batchId: run.batch_id }}>
                      <ShortId id={run.batch_id} />
                    </Link>
                  ) : (
                    "—"
                  ),
              },
              {
                key: "lines",
                head: <T id="reconciliation.lines" />,
                right: true,
                cell: (run) => (run.lines === null ? "—" : <Count of={run.lines} />),
              },
              {
                key: "cents",
                head: <T id="column.amount" />,
                right: true,
                cell: (run) =>
                  run.amount_cents === null ? "—" : <Money cents={run.amount_cents} />,
              },
              {
                key: "breaks",
                head: <T id="reconciliation.breaks" />,
                right: true,
                cell: (run) =>
                  run.break_count === null ? (
                    "—"
                  ) : run.batch_id ? (
                    <Link to="/reconciliation" search={{ batch_id: run.batch_id }}>
                      <Count of={run.break_count} />
                    </Link>
                  ) : (
                    <Count of={run.break_count} />
                  ),
              },
              {
                key: "by",
                head: <T id="column.by" />,
                cell: (run) => run.requested_by || <T id="reconciliation.by-itself" />,
              },
            ]}
          />
        )}
      </Card>
    </Page>
  );
}

function Breaks(): ReactElement {
  const [search, change] = useAddress();
  const text = useText();
  const { batch_id, status, kind } = search;
  const found = query.useQuery(
    "get",
    "/api/v1/reconciliation/breaks",
    {
      params: {
        query: { limit: SIZE, cursor: cursorOf(pageOf(search.page), SIZE), batch_id, status, kind },
      },
    },
    { placeholderData: keepPreviousData, refetchInterval: 15_000 },
  );
  const open = query.useQuery(
    "get",
    "/api/v1/reconciliation/breaks",
    { params: { query: { limit: 1, batch_id, status: "open" } } },
    { refetchInterval: 15_000 },
  );
  const rows = found.data?.items ?? [];
  const paged = usePaged(found.data?.total ?? 0, rows.length, found.data?.next, SIZE);
  return (
    <Card title={<T id="reconciliation.breaks" />}>
      {open.data && (
        <Notice tone={open.data.total === 0 ? "success" : "error"}>
          <T id="reconciliation.open" values={{ n: open.data.total }} />
        </Notice>
      )}
      <Filters shown={["batch_id", "kind"]}>
        <Field>
          <T id="filter.status" />
          <Choice value={status ?? ""} onChange={(event) => change({ status: event.target.value })}>
            <option value="">{text("filter.any")}</option>
            <option value="open">{text("break.open")}</option>
            <option value="closed">{text("break.closed")}</option>
          </Choice>
        </Field>
      </Filters>
      {found.error && <ProblemPanel error={found.error} retry={() => void found.refetch()} />}
      {found.isPending && <Loading />}
      {found.data && rows.length === 0 && (
        <Empty>
          <T id={batch_id || status || kind ? "empty.filtered" : "reconciliation.breaks.none"} />
        </Empty>
      )}
      {rows.length > 0 && (
        <ListTable
          label={text("reconciliation.breaks")}
          rows={rows}
          id={(one) => one.break_id}
          columns={[
            {
              key: "kind",
              head: <T id="column.kind" />,
              cell: (one) => (
                <Link to="/reconciliation" search={{ ...search, kind: one.kind }}>
                  <Word prefix="break" of={one.kind} />
                </Link>
              ),
            },
            {
              key: "status",
              head: <T id="column.status" />,
              cell: (one) => <T id={one.status === "open" ? "break.open" : "break.closed"} />,
            },
            {
              key: "expected",
              head: <T id="reconciliation.expected" />,
              wide: true,
              cell: (one) => one.expected,
            },
            {
              key: "found",
              head: <T id="reconciliation.found" />,
              wide: true,
              cell: (one) => one.found,
            },
            {
              key: "age",
              head: <T id="reconciliation.age" />,
              cell: (one) => <Duration seconds={one.age_s} />,
            },
            {
              key: "payment",
              head: <T id="column.payment" />,
              cell: (one) =>
                one.payment_id ? (
                  <Link to="/payments/$paymentId" params={{ paymentId: one.payment_id }}>
                    <ShortId id={one.payment_id} />
                  </Link>
                ) : (
                  "—"
                ),
            },
            {
              key: "batch",
              head: <T id="column.batch" />,
              cell: (one) => (
                <Link to="/batches/$batchId" params={{ batchId: one.batch_id }}>
                  <ShortId id={one.batch_id} />
                </Link>
              ),
            },
          ]}
        />
      )}
      <Pager {...paged} />
    </Card>
  );
}

function Word({ prefix, of }: { prefix: "run" | "break"; of: string }): ReactElement {
  const id = `${prefix}.${of}`;
  return isId(id) ? <T id={id} /> : <>{of}</>;
}
