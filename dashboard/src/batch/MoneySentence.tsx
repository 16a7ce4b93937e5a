/** One sentence that says whether money has gone out. It stands at the top of every batch and is never hopeful. */
import type { ReactElement } from "react";
import type { Batch } from "../api/client";
import { T } from "../i18n/i18n";
import { Count, Money } from "../ui/figures";
import { Notice } from "../ui/page";
import { ENDED, NOTHING_SENT, type Tone } from "../ui/states";

const STOPPED: ReadonlySet<string> = new Set(["paused", "pausing"]);

export function MoneySentence({ batch }: { batch: Batch }): ReactElement {
  const p = batch.payments;
  const cents = batch.payment_amount_cents;
  const unknown = p.in_doubt + p.held;
  if (NOTHING_SENT.has(batch.status)) {
    return (
      <Notice tone="neutral">
        <T
          id={batch.status === "ready" ? "money.ready" : "money.nothing"}
          values={{
            payable: <Money cents={batch.amount_cents.payable} />,
            rows: batch.rows.payable,
          }}
        />
      </Notice>
    );
  }
  const ended = ENDED.has(batch.status);
  const worry = p.failed + p.reversed + unknown > 0;
  const tone: Tone =
    unknown > 0 || STOPPED.has(batch.status)
      ? "warning"
      : ended
        ? worry
          ? "warning"
          : "success"
        : "info";
  const waits = !ended && p.held > 0 && p.unprocessed + p.sending + p.pending + p.in_doubt === 0;
  return (
    <Notice tone={tone}>
      <T
        id={
          ended
            ? "money.ended"
            : waits
              ? "money.waits"
              : STOPPED.has(batch.status)
                ? "money.paused"
                : "money.running"
        }
        values={{
          paid: <Money cents={cents.completed} />,
          total: <Money cents={cents.total} />,
          provider: <Money cents={cents.pending + cents.sending} />,
          unsent: <Money cents={cents.unprocessed} />,
        }}
      />
      {p.failed > 0 && (
        <>
          {" "}
          <T
            id="money.failed"
            values={{ money: <Money cents={cents.failed} />, count: <Count of={p.failed} /> }}
          />
        </>
      )}
      {p.reversed > 0 && (
        <>
          {" "}
          <T
            id="money.reversed"
            values={{ money: <Money cents={cents.reversed} />, count: <Count of={p.reversed} /> }}
          />
        </>
      )}
      {p.cancelled > 0 && (
        <>
          {" "}
          <T
            id="money.cancelled"
            values={{ money: <Money cents={cents.cancelled} />, count: <Count of={p.cancelled} /> }}
          />
        </>
      )}
      {unknown > 0 && (
        <>
          {" "}
          <T
            id="money.unknown"
            values={{
              money: <Money cents={cents.in_doubt + cents.held} />,
              count: <Count of={unknown} />,
            }}
          />
        </>
      )}
    </Notice>
  );
}
