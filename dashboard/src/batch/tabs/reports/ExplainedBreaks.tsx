import type { ReactElement } from "react";
import { T, useText } from "../../../i18n/i18n";
import { AcknowledgedBy, type Explanation } from "../../../ui/AcknowledgedBy";
import { Money } from "../../../ui/format";
import { type Column, ListTable } from "../../../ui/ListTable";
import { Word } from "../../../ui/Word";

/** A difference that the certificate lists because two people have explained it. */
export type ExplainedBreak = Explanation & {
  break_id: string;
  kind: string;
  expected: string;
  found: string;
  amount_cents: number;
};

type ExplainedBreaksProps = { breaks: readonly ExplainedBreak[] };

/** The differences from the provider's list that two people have explained; nothing without any. */
export function ExplainedBreaks({ breaks }: ExplainedBreaksProps): ReactElement | null {
  const text = useText();
  if (breaks.length === 0) return null;
  return (
    <>
      <h3>
        <T id="certificate.acknowledged" values={{ n: breaks.length }} />
      </h3>
      <ListTable
        label={text("certificate.acknowledged", { n: breaks.length })}
        rows={breaks}
        rowId={(one) => one.break_id}
        columns={COLUMNS}
      />
    </>
  );
}

const COLUMNS: readonly Column<ExplainedBreak>[] = [
  { header: "column.kind", cell: (one) => <Word prefix="break" code={one.kind} /> },
  { header: "reconciliation.expected", wide: true, cell: (one) => one.expected },
  { header: "reconciliation.found", wide: true, cell: (one) => one.found },
  { header: "explain.amount", numeric: true, cell: (one) => <Money cents={one.amount_cents} /> },
  { header: "explain.column", wide: true, cell: (one) => <AcknowledgedBy explained={one} /> },
];
