import type { ReactElement } from "react";
import type { TriedRules } from "../api/client";
import { T, useText } from "../i18n/i18n";
import { DateTime, Money } from "../ui/format";
import { Link } from "../ui/links";
import { type Column, ListTable } from "../ui/ListTable";

type TriedBatch = TriedRules["batches"][number];

const approvers = (two: boolean) => <T id={two ? "rules.two" : "rules.one"} />;
const COLUMNS: readonly Column<TriedBatch>[] = [
  {
    header: "column.batch",
    wide: true,
    cell: (one) => (
      <Link to="/batches/$batchId" params={{ batchId: one.batch_id }}>
        {one.filename}
      </Link>
    ),
  },
  {
    header: "fact.approved",
    cell: (one) => (
      <>
        <DateTime at={one.approved_at} /> · {one.approved_by}
      </>
    ),
  },
  { header: "column.amount", numeric: true, cell: (one) => <Money cents={one.amount_cents} /> },
  { header: "rules.now", cell: (one) => approvers(one.needs_two_now) },
  { header: "rules.then", cell: (one) => approvers(one.needs_two) },
];

/** What the rules would have asked for at the batches that were approved last. */
export function TriedTable({ tried }: { tried: TriedRules }): ReactElement {
  const text = useText();
  return (
    <>
      <p role="status">
        <T id="rules.tried" values={{ n: tried.tried, two: tried.tried_two }} />
      </p>
      {tried.batches.length > 0 && (
        <ListTable
          label={text("rules.tried.label")}
          rows={tried.batches}
          rowId={(one) => one.batch_id}
          columns={COLUMNS}
        />
      )}
    </>
  );
}
