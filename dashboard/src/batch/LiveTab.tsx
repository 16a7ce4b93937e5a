/** The run as it happens: what is left, at what pace, until when; pause, resume and cancel the rest. */
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import LinearProgress from "@mui/material/LinearProgress";
import { lazy, type ReactElement, Suspense, useEffect, useRef, useState } from "react";
import { query } from "../api/client";
import { Problem } from "../api/problem";
import { T, useText } from "../i18n/i18n";
import { Count, Duration, Money, When } from "../ui/figures";
import { Link } from "../ui/links";
import { BigNumber, Card, Hidden, Notice, Numbers } from "../ui/page";
import { ListTable } from "../ui/table";
import { ENDED } from "../ui/states";
import { paceOf, secondsFor } from "./eta";
import { Steering } from "./Steering";
import { useBatch } from "./useBatch";
import { leftOf, type Live, type LiveState, useLive } from "./useLive";

const BurnDown = lazy(() => import("./BurnDown"));
const STATES = [
  "unprocessed",
  "sending",
  "pending",
  "completed",
  "failed",
  "in_doubt",
  "held",
  "cancelled",
  "reversed",
] as const;

export default function LiveTab(): ReactElement {
  const { batch } = useBatch();
  return <Run key={batch.batch_id} />; // what was seen of another batch is no part of this one
}

function Run(): ReactElement {
  const { batch, again } = useBatch();
  const live = useLive(batch.batch_id);
  const limiter = query.useQuery("get", "/api/v1/ops/limiter", {}, { refetchInterval: 5_000 });
  const tiers = limiter.data?.tiers ?? [];
  const perMin = tiers.find((tier) => tier.tier === "payments")?.per_min ?? null;
  const closed = Math.max(0, ...tiers.map((tier) => tier.closed_s));
  const state = live.state;
  useEffect(() => {
    if (state && state.status !== batch.status) void again();
  }, [state, batch.status, again]);
  const ended = ENDED.has(batch.status);
  const senderAway =
    limiter.failureReason instanceof Problem && limiter.failureReason.status >= 500; // no network here says nothing about it
  return (
    <>
      <Connection
        live={live}
        ended={ended}
        paused={batch.status === "paused" || batch.status === "pausing"}
      />
      {senderAway && !ended && (
        <Notice tone="warning" live away>
          <T id="live.sender-away" />
        </Notice>
      )}
      {closed > 0 && !ended && (
        <Notice tone="warning">
          <T id="live.closed" values={{ time: <Duration seconds={closed} /> }} />
        </Notice>
      )}
      {state && <Progress state={state} />}
      {state && !ended && (
        <Eta live={live} state={state} perMin={perMin} limitSeconds={batch.eta_s} />
      )}
      <Steering />
      {state && <States state={state} batchId={batch.batch_id} />}
      {live.points.length > 1 && <Curve live={live} perMin={perMin} />}
    </>
  );
}

/** Live, or since when not; a stopped view never looks like a running one. */
function Connection({
  live,
  ended,
  paused,
}: {
  live: Live;
  ended: boolean;
  paused: boolean;
}): ReactElement {
  if (live.refused)
    return (
      <Notice tone="error" live away>
        <T id="live.refused" />
      </Notice>
    );
  if (live.connected)
    return (
      <Notice tone="success">
        <T
          id={ended ? "live.on.ended" : paused ? "live.on.paused" : "live.on"}
          values={{ at: <When at={live.state?.as_of} /> }}
        />
      </Notice>
    );
  if (live.heard === 0)
    return live.lost ? (
      <Notice tone="warning" live away>
        <T id="live.none-yet" />
      </Notice>
    ) : (
      <Notice tone="neutral" live>
        <T id="live.connecting" />
      </Notice>
    );
  return (
    <Notice tone="warning" live away>
      <T id="live.lost" values={{ at: <When at={new Date(live.heard).toISOString()} /> }} />
    </Notice>
  );
}

const STEP_PERCENT = 10;

function Progress({ state }: { state: LiveState }): ReactElement {
  const p = state.payments;
  const text = useText();
  const done = p.completed + p.failed + p.cancelled + p.reversed;
  const percent = p.total > 0 ? Math.floor((done / p.total) * 100) : 0;
  const said = useRef(-1);
  const [spoken, setSpoken] = useState("");
  useEffect(() => {
    document.title = document.title.replace(/^(\d+ % · )?/, p.total > 0 ? `${percent} % · ` : "");
    const step = Math.floor(percent / STEP_PERCENT);
    if (step !== said.current) {
      said.current = step;
      setSpoken(text("live.spoken", { percent }));
    }
    return () => {
      document.title = document.title.replace(/^\d+ % · /, "");
    };
  }, [percent, p.total, text]);
  return (
    <Box sx={{ mb: 2 }}>
      <LinearProgress
        variant="determinate"
        value={percent}
        aria-label={text("live.bar")}
        sx={{ height: 12, borderRadius: 6 }}
      />
      <p>
        <T
          id="live.done"
          values={{ done: <Count of={done} />, total: <Count of={p.total} />, percent }}
        />
      </p>
      <Hidden role="status">{spoken}</Hidden>
    </Box>
  );
}

function Eta({
  live,
  state,
  perMin,
  limitSeconds,
}: {
  live: Live;
  state: LiveState;
  perMin: number | null;
  limitSeconds: number | null;
}): ReactElement {
  const left = leftOf(state.payments);
  const pace = paceOf(live.points, live.heard);
  const byPace = secondsFor(left, pace);
  const slowest = byPace === null ? null : Math.max(byPace, limitSeconds ?? 0);
  return (
    <Numbers>
      <BigNumber
        label={<T id="live.left" />}
        value={<Count of={left} />}
        below={
          <Money
            cents={state.payment_amount_cents.unprocessed + state.payment_amount_cents.sending}
          />
        }
      />
      <BigNumber
        label={<T id="live.pace" />}
        value={
          pace === null ? (
            "—"
          ) : (
            <T id="live.per-min" values={{ n: Math.max(0, Math.round(pace)) }} />
          )
        }
        below={
          perMin === null ? (
            <T id="live.limit.unknown" />
          ) : (
            <T id="live.limit" values={{ n: perMin }} />
          )
        }
      />
      <BigNumber
        label={<T id="live.eta" />}
        value={
          state.status === "paused" ? (
            <T id="live.eta.paused" />
          ) : slowest === null ? (
            <T id="live.eta.unknown" />
          ) : left === 0 ? (
            <T id="live.eta.sent" />
          ) : (
            <Duration seconds={slowest} />
          )
        }
        below={
          limitSeconds === null ? undefined : (
            <T id="live.eta.limit" values={{ time: <Duration seconds={limitSeconds} /> }} />
          )
        }
      />
      <BigNumber
        label={<T id="live.ended" />}
        value={<T id="live.per-min" values={{ n: state.ended_per_min }} />}
      />
    </Numbers>
  );
}

function States({ state, batchId }: { state: LiveState; batchId: string }): ReactElement {
  const text = useText();
  return (
    <Card title={<T id="overview.payments" />}>
      <ListTable
        label={text("overview.payments")}
        rows={STATES.filter(
          (one) =>
            state.payments[one] > 0 ||
            one in { unprocessed: 1, pending: 1, completed: 1, failed: 1 },
        )}
        id={(one) => one}
        foot={[
          <T key="t" id="total" />,
          "",
          <Count key="c" of={state.payments.total} />,
          <Money key="m" cents={state.payment_amount_cents.total} />,
        ]}
        columns={[
          {
            key: "state",
            head: <T id="column.status" />,
            cell: (one) => <T id={`state.payment.${one}`} />,
          },
          {
            key: "means",
            head: <T id="column.means" />,
            wide: true,
            cell: (one) => <T id={`state.payment.${one}.means`} />,
          },
          {
            key: "n",
            head: <T id="column.payments" />,
            right: true,
            cell: (one) => (
              <Link to="/batches/$batchId/payments" params={{ batchId }} search={{ status: one }}>
                <Count of={state.payments[one]} />
              </Link>
            ),
          },
          {
            key: "cents",
            head: <T id="column.amount" />,
            right: true,
            cell: (one) => <Money cents={state.payment_amount_cents[one]} />,
          },
        ]}
      />
    </Card>
  );
}

const TABLE_MOST = 20;

function Curve({ live, perMin }: { live: Live; perMin: number | null }): ReactElement {
  const [table, setTable] = useState(false);
  const text = useText();
  const first = live.points[0];
  const last = live.points.at(-1);
  return (
    <Card
      title={<T id="live.curve" />}
      actions={
        <Button
          size="small"
          variant="outlined"
          aria-pressed={table}
          onClick={() => setTable(!table)}
        >
          <T id="chart.table" />
        </Button>
      }
    >
      <p>
        {first && last && (
          <T
            id="live.curve.says"
            values={{
              from: first.left,
              to: last.left,
              time: <Duration seconds={(last.at - first.at) / 1000} />,
            }}
          />
        )}
      </p>
      {table ? (
        <ListTable
          label={text("live.curve")}
          rows={live.points.slice(-TABLE_MOST).toReversed()}
          id={(point) => String(point.at)}
          columns={[
            {
              key: "at",
              head: <T id="column.time" />,
              cell: (point) => <When at={new Date(point.at).toISOString()} />,
            },
            {
              key: "left",
              head: <T id="live.left" />,
              right: true,
              cell: (point) => <Count of={point.left} />,
            },
          ]}
        />
      ) : (
        <Suspense fallback={<Box sx={{ height: 260 }} />}>
          <BurnDown points={live.points} perMin={perMin} />
        </Suspense>
      )}
    </Card>
  );
}
