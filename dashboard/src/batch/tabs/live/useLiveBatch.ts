/** The live figures of a batch, and how its queue shrank since this page was opened. */
import { useEffect, useState } from "react";
import type { BatchStatus, PaymentCounts } from "../../../api/client";
import { followStream, type StreamUpdate } from "../../../api/sharedStream";
import { useSignedIn } from "../../../api/signedIn";

/** The figures as the gateway sends them. */
export type LiveFigures = {
  batch_id: string;
  status: BatchStatus;
  version: number;
  as_of: string | null;
  ended_per_min: number;
  payments: PaymentCounts;
  payment_amount_cents: PaymentCounts;
};
/** How many payments were left to send at a moment (milliseconds since 1970). */
export type QueuePoint = { at: number; left: number };
export type LiveBatch = {
  /** Null until the first figures have come. */
  figures: LiveFigures | null;
  /** When the last figures came, in milliseconds since 1970; 0 before. */
  receivedAt: number;
  /** `lost` also means a connection that never was. */
  connection: "connecting" | "connected" | "lost" | "refused";
  points: QueuePoint[];
};

const POINTS_MAX = 600;
const SAME_COUNT_MS = 5_000;
const INITIAL: LiveBatch = { figures: null, receivedAt: 0, connection: "connecting", points: [] };

export function useLiveBatch(batchId: string): LiveBatch {
  const { me } = useSignedIn();
  const [live, setLive] = useState<LiveBatch>(INITIAL);
  useEffect(
    () =>
      followStream<LiveFigures>(
        `paydown.live.${batchId}.${me.id}`,
        `/api/v1/batches/${batchId}/live`,
        (update) => setLive((before) => afterUpdate(before, update)),
      ),
    [batchId, me.id],
  );
  return live;
}

function afterUpdate(before: LiveBatch, update: StreamUpdate<LiveFigures>): LiveBatch {
  if (update.kind !== "state") return { ...before, connection: update.kind };
  const { state: figures, at } = update;
  const counted = figures.payments.total > 0;
  const left = leftToSend(figures.payments);
  return {
    figures,
    receivedAt: at,
    connection: "connected",
    points: counted ? addPoint(before.points, { at, left }) : before.points,
  };
}

/** How many payments the provider's limit still has to let through. */
export function leftToSend(payments: PaymentCounts): number {
  return payments.unprocessed + payments.sending;
}

/**
 * The points with one more. A point with the same count is skipped for five seconds. When there are
 * too many points every second one is dropped; the first and the last stay.
 */
export function addPoint(points: readonly QueuePoint[], point: QueuePoint): QueuePoint[] {
  const last = points.at(-1);
  if (last && last.left === point.left && point.at - last.at < SAME_COUNT_MS) return [...points];
  const thinned = points.length >= POINTS_MAX ? points.filter((_, n) => n % 2 === 0) : points;
  return [...thinned, point];
}
