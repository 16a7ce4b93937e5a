/** The live figures of a batch, whichever tab reads them; and the points seen since this page was opened. */
import { useEffect, useState } from "react";
import type { BatchStatus, PaymentCounts } from "../api/client";
import { follow } from "../api/leader";
import { useMe } from "../ui/me";

export type LiveState = {
  batch_id: string;
  status: BatchStatus;
  version: number;
  as_of: string | null;
  ended_per_min: number;
  payments: PaymentCounts;
  payment_amount_cents: PaymentCounts;
};
export type Point = { at: number; left: number };
export type Live = {
  state: LiveState | null;
  heard: number;
  connected: boolean;
  lost: boolean;
  refused: boolean;
  points: Point[];
};

const POINTS_MOST = 600;
const START: Live = {
  state: null,
  heard: 0,
  connected: false,
  lost: false,
  refused: false,
  points: [],
};

/** Not yet at the provider for good: what the limiter still has to let through. */
export function leftOf(payments: PaymentCounts): number {
  return payments.unprocessed + payments.sending;
}

/** Another point of the curve; when there are too many, every second one goes. */
export function withPoint(points: readonly Point[], point: Point): Point[] {
  const last = points.at(-1);
  const kept = points.length >= POINTS_MOST ? points.filter((_, n) => n % 2 === 0) : points;
  return last && last.left === point.left && point.at - last.at < 5_000
    ? [...points]
    : [...kept, point];
}

export function useLive(batchId: string): Live {
  const { me } = useMe();
  const [live, setLive] = useState<Live>(START);
  useEffect(() => {
    return follow<LiveState>(
      `paydown.live.${batchId}.${me.id}`,
      `/api/v1/batches/${batchId}/live`,
      (word) => {
        setLive((before) => {
          if (word.kind === "lost") return { ...before, connected: false, lost: true };
          if (word.kind === "refused") return { ...before, connected: false, refused: true };
          const points =
            word.state.payments.total > 0
              ? withPoint(before.points, { at: word.at, left: leftOf(word.state.payments) })
              : before.points;
          return {
            state: word.state,
            heard: word.at,
            connected: true,
            lost: false,
            refused: false,
            points,
          };
        });
      },
    );
  }, [batchId, me.id]);
  return live;
}
