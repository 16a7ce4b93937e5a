/** The batches that were made from rows of this one, each with its status and money. */
import type { ReactElement } from "react";
import type { Batch } from "../api/client";
import { T, useText } from "../i18n/i18n";
import { Card } from "../ui/Card";
import { Count, DateTime, Money } from "../ui/format";
import { Link } from "../ui/links";
import { type Column, ListTable } from "../ui/ListTable";
import { StatusChip } from "../ui/StatusChip";

type Child = Batch["child_batches"][number];

export function ChildBatches({ batch }: { batch: Batch }): ReactElement | null {
  const text = useText();
  if (batch.child_batches.length === 0) return null;
  return (
    <Card title={<T id="children.title" />}>
      <ListTable
        label={text("children.title")}
        rows={batch.child_batches}
        rowId={(child) => child.batch_id}
        columns={COLUMNS}
      />
    </Card>
  );
}

const COLUMNS: readonly Column<Child>[] = [
  {
    header: "column.batch",
    wide: true,
    cell: (child) => (
      <Link to="/batches/$batchId" params={{ batchId: child.batch_id }}>
        {child.filename}
      </Link>
    ),
  },
  {
    header: "column.what",
    cell: (child) => <T id={child.is_mended ? "children.mended" : "children.copied"} />,
  },
  { header: "column.status", cell: (child) => <StatusChip kind="batch" status={child.status} /> },
  { header: "column.rows", numeric: true, cell: (child) => <Count value={child.rows} /> },
  { header: "column.amount", numeric: true, cell: (child) => <Money cents={child.amount_cents} /> },
  {
    header: "column.by",
    cell: (child) => (
      <>
        {child.uploaded_by} · <DateTime at={child.uploaded_at} />
      </>
    ),
  },
];
