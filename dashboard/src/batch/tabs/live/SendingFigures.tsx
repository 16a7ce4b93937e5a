import type { ReactElement } from "react";
import { T } from "../../../i18n/i18n";
import { BigNumber, BigNumbers } from "../../../ui/BigNumber";
import { Count, Duration, Money } from "../../../ui/format";
import { secondsToSend, sendRate } from "./sendRate";
import { leftToSend, type LiveBatch, type LiveFigures } from "./useLiveBatch";

type SendingFiguresProps = {
  live: LiveBatch;
  figures: LiveFigures;
  perMinute: number | null;
  /** Time to send the rest if only the provider's limit counted. */
  secondsAtLimit: number | null;
};

/** How many payments are left, how fast they are sent, and until when. */
export function SendingFigures(props: SendingFiguresProps): ReactElement {
  const { live, figures, perMinute, secondsAtLimit } = props;
  const left = leftToSend(figures.payments);
  const cents = figures.payment_amount_cents;
  const rate = sendRate(live.points, live.receivedAt);
  const seconds = secondsToSend(left, rate);
  return (
    <BigNumbers>
      <BigNumber
        label={<T id="live.left" />}
        value={<Count value={left} />}
        below={<Money cents={cents.unprocessed + cents.sending} />}
      />
      <BigNumber
        label={<T id="live.send-rate" />}
        value={<Rate perMinute={rate} />}
        below={
          <T
            id={perMinute === null ? "live.limit.unknown" : "live.limit"}
            values={{ n: perMinute ?? 0 }}
          />
        }
      />
      <BigNumber
        label={<T id="live.eta" />}
        value={
          <TimeLeft
            paused={figures.status === "paused"}
            left={left}
            seconds={seconds === null ? null : Math.max(seconds, secondsAtLimit ?? 0)}
          />
        }
        below={secondsAtLimit !== null && <TimeAtLimit seconds={secondsAtLimit} />}
      />
      <BigNumber
        label={<T id="live.ended" />}
        value={<T id="live.per-min" values={{ n: figures.ended_per_min }} />}
      />
    </BigNumbers>
  );
}

function Rate({ perMinute }: { perMinute: number | null }): ReactElement {
  if (perMinute === null) return <>—</>;
  return <T id="live.per-min" values={{ n: Math.max(0, Math.round(perMinute)) }} />;
}

type TimeLeftProps = { paused: boolean; left: number; seconds: number | null };

function TimeLeft({ paused, left, seconds }: TimeLeftProps): ReactElement {
  if (paused) return <T id="live.eta.paused" />;
  if (seconds === null) return <T id="live.eta.unknown" />;
  return left === 0 ? <T id="live.eta.sent" /> : <Duration seconds={seconds} />;
}

function TimeAtLimit({ seconds }: { seconds: number }): ReactElement {
  return <T id="live.eta.limit" values={{ time: <Duration seconds={seconds} /> }} />;
}
