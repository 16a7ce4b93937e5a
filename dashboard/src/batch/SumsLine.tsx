/** "All sums agree", from the integers; red and in full where they do not. */
import type { ReactElement } from "react";
import type { Batch } from "../api/client";
import { T } from "../i18n/i18n";
import { Count, Money } from "../ui/figures";
import { Notice } from "../ui/page";
import { agreement } from "./sums";

export function SumsLine({ batch }: { batch: Batch }): ReactElement | null {
  if (["receiving", "reading", "rejected"].includes(batch.status)) return null;
  const found = agreement(batch);
  if (found.agree) {
    return (
      <Notice tone="success">
        <b>
          <T id="sums.agree" />
        </b>{" "}
        <T
          id="sums.agree.means"
          values={{
            rows: <Count of={batch.rows.total} />,
            money: <Money cents={batch.amount_cents.total} />,
          }}
        />
      </Notice>
    );
  }
  return (
    <Notice tone="error" live>
      <b>
        <T id="sums.differ" />
      </b>{" "}
      <T id="sums.differ.means" />
      <ul>
        {found.sums.map((sum) => (
          <li key={sum.name}>
            <T id={`sums.${sum.name}`} />:{" "}
            {sum.rows !== null && (
              <>
                <Count of={sum.rows} />,{" "}
              </>
            )}
            <Money cents={sum.cents} />
          </li>
        ))}
      </ul>
    </Notice>
  );
}
