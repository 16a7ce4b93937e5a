import type { ReactElement } from "react";
import type { Batch } from "../api/client";
import { T } from "../i18n/i18n";
import { Count, Money } from "../ui/format";
import { Notice } from "../ui/Notice";
import { checkSums, type Sum } from "./sums";

/**
 * Says that all sums of a batch agree, or shows each of them. Nothing while the file is being read.
 */
export function SumsLine({ batch }: { batch: Batch }): ReactElement | null {
  if (["receiving", "reading", "rejected"].includes(batch.status)) return null;
  const { agree, sums } = checkSums(batch);
  return agree ? <SumsAgree batch={batch} /> : <SumsDiffer sums={sums} />;
}

function SumsAgree({ batch }: { batch: Batch }): ReactElement {
  return (
    <Notice tone="success">
      <b>
        <T id="sums.agree" />
      </b>{" "}
      <T
        id="sums.agree.means"
        values={{
          rows: <Count value={batch.rows.total} />,
          money: <Money cents={batch.amount_cents.total} />,
        }}
      />
    </Notice>
  );
}

function SumsDiffer({ sums }: { sums: readonly Sum[] }): ReactElement {
  return (
    <Notice tone="error" live>
      <b>
        <T id="sums.differ" />
      </b>{" "}
      <T id="sums.differ.means" />
      <ul>
        {sums.map((sum) => (
          <li key={sum.name}>
            <T id={`sums.${sum.name}`} />:{" "}
            {sum.rows !== null && (
              <>
                <Count value={sum.rows} />,{" "}
              </>
            )}
            <Money cents={sum.cents} />
          </li>
        ))}
      </ul>
    </Notice>
  );
}
