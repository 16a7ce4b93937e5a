import { type ReactElement, useEffect, useState } from "react";
import type { Batch } from "../api/client";
import { ENDED, NEVER_APPROVED, PAUSED } from "../api/statuses";
import { T } from "../i18n/i18n";
import { DateTime, Duration } from "../ui/format";
import { MutedText } from "../ui/layout";
import { Notice } from "../ui/Notice";

/** While payments are being sent, something changes every few seconds. */
export const OLD_AFTER_S = 180;
const TICK_MS = 10_000;

type Figures = Pick<Batch, "status" | "figures_as_of" | "payments" | "approved_at">;

/**
 * From when the figures of a batch's payments are: the newest change that has arrived. Old figures
 * of a batch that is being sent are a warning, because money may have moved meanwhile.
 */
export function FiguresAge({ batch }: { batch: Figures }): ReactElement | null {
  const now = useNow();
  if (NEVER_APPROVED.has(batch.status)) return null;
  const at = batch.figures_as_of ?? batch.approved_at;
  const seconds = ageSeconds(at, now);
  if (isOld(batch, seconds))
    return (
      <Notice tone="warning" live>
        <T
          id="figures.old"
          values={{ at: <DateTime at={at} />, age: <Duration seconds={seconds ?? 0} /> }}
        />
      </Notice>
    );
  return (
    <p>
      <MutedText>
        <T id="figures.as-of" values={{ at: <DateTime at={at} /> }} />
      </MutedText>
    </p>
  );
}

/** Whole seconds since a moment; null if there is none. A clock that is behind counts as 0. */
export function ageSeconds(at: string | null | undefined, now: number): number | null {
  const moment = at ? Date.parse(at) : Number.NaN;
  return Number.isNaN(moment) ? null : Math.max(0, Math.floor((now - moment) / 1_000));
}

/** Whether figures are too old for what they show: payments are to be sent, and nothing happens. */
export function isOld({ status, payments }: Figures, seconds: number | null): boolean {
  const sending = payments.unprocessed + payments.sending > 0;
  const atRest = ENDED.has(status) || PAUSED.has(status) || NEVER_APPROVED.has(status);
  return sending && !atRest && (seconds === null || seconds > OLD_AFTER_S);
}

/** The time now, every ten seconds. */
function useNow(): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), TICK_MS);
    return () => clearInterval(timer);
  }, []);
  return now;
}
