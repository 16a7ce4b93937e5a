/**
 * The payments while they are sent: how many are left, how fast they go, and when they will be
 * sent.
 */
import { type ReactElement, useEffect } from "react";
import { query } from "../../../api/client";
import { BATCH_FIGURES, useFreshness } from "../../../api/freshness";
import { Problem } from "../../../api/problem";
import { ENDED } from "../../../api/statuses";
import { T } from "../../../i18n/i18n";
import { Duration } from "../../../ui/format";
import { Notice } from "../../../ui/Notice";
import { useBatch } from "../../BatchContext";
import { BatchActions } from "./BatchActions";
import { ConnectionNotice } from "./ConnectionNotice";
import { PaymentStatusTable } from "./PaymentStatusTable";
import { Progress } from "./Progress";
import { QueueChart } from "./QueueChart";
import { SendingFigures } from "./SendingFigures";
import { useLiveBatch } from "./useLiveBatch";

export default function LiveTab(): ReactElement {
  const { batch } = useBatch();
  // The key makes a new component for another batch, so that points of this one are forgotten.
  return <Run key={batch.batch_id} />;
}

function Run(): ReactElement {
  const { batch, reload } = useBatch();
  const live = useLiveBatch(batch.batch_id);
  const limit = useProviderLimit();
  const { figures } = live;
  const freshness = useFreshness(BATCH_FIGURES);
  useEffect(() => {
    if (figures && figures.status !== batch.status) void reload();
  }, [figures, batch.status, reload]);
  const ended = ENDED.has(batch.status);
  return (
    <>
      <ConnectionNotice
        live={live}
        status={batch.status}
        behind={freshness !== undefined && (freshness.asOf === null || freshness.behind.length > 0)}
      />
      {!ended && <LimitNotices limit={limit} />}
      {figures && <Progress payments={figures.payments} />}
      {figures && !ended && (
        <SendingFigures
          live={live}
          figures={figures}
          perMinute={limit.perMinute}
          secondsAtLimit={batch.eta_s}
        />
      )}
      <BatchActions />
      {figures && <PaymentStatusTable figures={figures} batchId={batch.batch_id} />}
      {live.points.length > 1 && <QueueChart points={live.points} perMinute={limit.perMinute} />}
    </>
  );
}

type ProviderLimit = {
  /** How many payments a minute the provider takes; null while it is not known. */
  perMinute: number | null;
  /** For how many seconds the provider takes nothing at all. */
  closedSeconds: number;
  /** The service that sends payments does not answer. */
  senderAway: boolean;
};

function useProviderLimit(): ProviderLimit {
  const limiter = query.useQuery("get", "/api/v1/ops/limiter", {}, { refetchInterval: 5_000 });
  const tiers = limiter.data?.tiers ?? [];
  const { failureReason } = limiter;
  return {
    perMinute: tiers.find((tier) => tier.tier === "payments")?.per_min ?? null,
    closedSeconds: Math.max(0, ...tiers.map((tier) => tier.closed_s)),
    // Without a network there is no status, which says nothing about the service.
    senderAway: failureReason instanceof Problem && failureReason.status >= 500,
  };
}

function LimitNotices({ limit }: { limit: ProviderLimit }): ReactElement {
  return (
    <>
      {limit.senderAway && (
        <Notice tone="warning" live unavailable>
          <T id="live.sender-away" />
        </Notice>
      )}
      {limit.closedSeconds > 0 && (
        <Notice tone="warning">
          <T id="live.closed" values={{ time: <Duration seconds={limit.closedSeconds} /> }} />
        </Notice>
      )}
    </>
  );
}
