import type { ReactElement } from "react";
import type { BatchLine } from "../api/client";
import { useText } from "../i18n/i18n";
import { Count, DateTime, Money, PlainDate } from "../ui/format";
import { Link } from "../ui/links";
import { type Column, ListTable } from "../ui/ListTable";
import { StatusChip } from "../ui/StatusChip";

const COLUMNS: readonly Column<BatchLine>[] = [
  {
    header: "column.file",
    wide: true,
    cell: (batch) => (
      <Link to="/batches/$batchId" params={{ batchId: batch.batch_id }}>
        {batch.filename}
      </Link>
    ),
  },
  { header: "column.status", cell: (batch) => <StatusChip kind="batch" status={batch.status} /> },
  { header: "column.period", cell: (batch) => <PlainDate date={batch.period} /> },
  {
    header: "column.payable",
    numeric: true,
    cell: ({ amount_cents }) => (amount_cents ? <Money cents={amount_cents.payable} /> : "—"),
  },
  {
    header: "column.payable-rows",
    numeric: true,
    cell: ({ rows }) => (rows ? <Count value={rows.payable} /> : "—"),
  },
  {
    header: "column.not-payable-rows",
    numeric: true,
    cell: ({ rows }) =>
      rows ? <Count value={rows.unpayable + rows.refused + rows.excluded} /> : "—",
  },
  {
    header: "column.uploaded",
    cell: (batch) => (
      <>
        <DateTime at={batch.uploaded_at} />
        {batch.uploaded_by && <> · {batch.uploaded_by}</>}
      </>
    ),
  },
  { header: "column.approved-by", cell: (batch) => batch.approved_by ?? "—" },
];

/** Batches, one a row. Of a batch that is still being read there are no figures yet. */
export function BatchTable({ batches }: { batches: readonly BatchLine[] }): ReactElement {
  const text = useText();
  return (
    <ListTable
      label={text("nav.batches")}
      rows={batches}
      rowId={(batch) => batch.batch_id}
      columns={COLUMNS}
    />
  );
}
