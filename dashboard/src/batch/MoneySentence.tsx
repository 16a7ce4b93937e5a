/** The sentences at the top of every batch that say whether money has gone out. */
import type { ReactElement } from "react";
import type { Batch } from "../api/client";
import { ENDED, isScheduled, NEVER_APPROVED, PAUSED, unfinishedPayments } from "../api/statuses";
import { type MessageId, T } from "../i18n/i18n";
import { DateTime, Money } from "../ui/format";
import { Notice } from "../ui/Notice";
import type { Tone } from "../ui/statusLooks";

export function MoneySentence({ batch }: { batch: Batch }): ReactElement {
  if (NEVER_APPROVED.has(batch.status)) return <NothingSent batch={batch} />;
  const cents = batch.payment_amount_cents;
  return (
    <Notice tone={toneOf(batch)}>
      <T
        id={mainSentence(batch)}
        values={{
          paid: <Money cents={cents.completed} />,
          total: <Money cents={cents.total} />,
          provider: <Money cents={cents.pending + cents.sending} />,
          unsent: <Money cents={cents.unprocessed} />,
          at: <DateTime at={batch.start_at} />,
        }}
      />
      {EXCEPTIONS.filter((status) => batch.payments[status] > 0).map((status) => (
        <span key={status}>
          {" "}
          <T
            id={`money.${status}`}
            values={{
              n: batch.payments[status],
              money: <Money cents={cents[status]} />,
            }}
          />
        </span>
      ))}
    </Notice>
  );
}

/** Payment statuses that get a sentence of their own, in the order of the sentences. */
const EXCEPTIONS = ["failed", "reversed", "cancelled", "in_doubt", "held"] as const;

function NothingSent({ batch }: { batch: Batch }): ReactElement {
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

function mainSentence(batch: Batch): MessageId {
  if (ENDED.has(batch.status)) return "money.ended";
  if (batch.payments.held > 0 && unfinishedPayments(batch) === 0) return "money.people-decide";
  if (isScheduled(batch)) return "money.scheduled";
  return PAUSED.has(batch.status) ? "money.paused" : "money.running";
}

function toneOf({ status, payments }: Batch): Tone {
  if (payments.in_doubt + payments.held > 0 || PAUSED.has(status)) return "warning";
  if (!ENDED.has(status)) return "info";
  return payments.failed + payments.reversed > 0 ? "warning" : "success";
}
