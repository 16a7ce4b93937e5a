import type { ReactElement } from "react";
import { T } from "../i18n/i18n";
import { DateTime, Money, ShortId } from "./format";

/** How two people explained a difference, as the API and the certificate describe it. */
export type Explanation = {
  act: "by-hand" | "fee" | "accepted" | "recovered" | "explained";
  reason: string;
  proposed_by: string;
  confirmed_by: string;
  confirmed_at: string;
  journals: readonly {
    journal_id: string;
    from_account: string;
    to_account: string;
    amount_cents: number;
  }[];
};
type AcknowledgedByProps = { explained: Explanation };

/** Who explained a difference, when, why, and the correcting journals. */
export function AcknowledgedBy({ explained }: AcknowledgedByProps): ReactElement {
  return (
    <>
      <div>
        <b>
          <T id={`explain.${explained.act}`} />
        </b>
        : {explained.reason}
      </div>
      <div>
        <T
          id="explain.by"
          values={{
            first: explained.proposed_by,
            second: explained.confirmed_by,
            at: <DateTime at={explained.confirmed_at} />,
          }}
        />
      </div>
      {explained.journals.map((journal) => (
        <div key={journal.journal_id}>
          <T
            id="explain.journal"
            values={{
              amount: <Money cents={journal.amount_cents} />,
              from: journal.from_account,
              to: journal.to_account,
              id: <ShortId id={journal.journal_id} />,
            }}
          />
        </div>
      ))}
    </>
  );
}
