import type { ReactElement } from "react";
import type { BatchLine } from "../api/client";
import { T, useText } from "../i18n/i18n";
import { Count, Day, Money, When } from "../ui/figures";
import { Link } from "../ui/links";
import { StateChip } from "../ui/StateChip";
import { ListTable } from "../ui/table";

export function BatchTable({ rows }: { rows: readonly BatchLine[] }): ReactElement {
  const text = useText();
  return (
    <ListTable
      label={text("nav.batches")}
      rows={rows}
      id={(b) => b.batch_id}
      columns={[
        {
          key: "name",
          head: <T id="column.file" />,
          wide: true,
          cell: (b) => (
            <Link to="/batches/$batchId" params={{ batchId: b.batch_id }}>
              {b.filename}
            </Link>
          ),
        },
        {
          key: "state",
          head: <T id="column.status" />,
          cell: (b) => <StateChip kind="batch" state={b.status} />,
        },
        { key: "period", head: <T id="column.period" />, cell: (b) => <Day date={b.period} /> },
        {
          key: "payable",
          head: <T id="column.payable" />,
          right: true,
          cell: (b) => (b.amount_cents ? <Money cents={b.amount_cents.payable} /> : "—"),
        },
        {
          key: "rows",
          head: <T id="column.payable-rows" />,
          right: true,
          cell: (b) => (b.rows ? <Count of={b.rows.payable} /> : "—"),
        },
        {
          key: "out",
          head: <T id="column.not-payable-rows" />,
          right: true,
          cell: (b) =>
            b.rows ? <Count of={b.rows.unpayable + b.rows.refused + b.rows.excluded} /> : "—",
        },
        {
          key: "uploaded",
          head: <T id="column.uploaded" />,
          cell: (b) => (
            <>
              <When at={b.uploaded_at} />
              {b.uploaded_by && <> · {b.uploaded_by}</>}
            </>
          ),
        },
        { key: "approved", head: <T id="column.approved-by" />, cell: (b) => b.approved_by ?? "—" },
      ]}
    />
  );
}
