/** Every row of every batch, newest first, with its payment and why it is not paid. */
import type { ReactElement } from "react";
import type { EmployeeRow } from "../api/client";
import { T, useText } from "../i18n/i18n";
import { Card } from "../ui/Card";
import { Money, PlainDate, ShortId } from "../ui/format";
import { MutedText } from "../ui/layout";
import { Link } from "../ui/links";
import { type Column, ListTable } from "../ui/ListTable";
import { StatusChip } from "../ui/StatusChip";
import { NotPaid } from "./NotPaid";

type RowTableProps = {
  rows: EmployeeRow[];
  more: boolean;
  /** The column that differs: whose the row is, or which loan it pays. */
  other: Column<EmployeeRow>;
};

export function RowTable({ rows, more, other }: RowTableProps): ReactElement {
  const text = useText();
  const columns: Column<EmployeeRow>[] = [
    { header: "column.period", cell: (row) => <PlainDate date={row.period} /> },
    { header: "column.batch", cell: (row) => <BatchLink row={row} /> },
    other,
    { header: "column.amount", cell: (row) => <Money cents={row.amount_cents} />, numeric: true },
    { header: "column.status", cell: (row) => <RowStatus row={row} /> },
    { header: "column.payment", cell: (row) => <PaymentLink row={row} /> },
    { header: "column.reason", cell: (row) => <NotPaid row={row} />, wide: true },
  ];
  return (
    <Card title={text("employee.rows")}>
      <ListTable
        label={text("employee.rows")}
        columns={columns}
        rows={rows}
        rowId={(row) => row.row_id}
      />
      {more && (
        <p>
          <MutedText>
            <T id="employee.more" />
          </MutedText>
        </p>
      )}
    </Card>
  );
}

function BatchLink({ row }: { row: EmployeeRow }): ReactElement {
  return (
    <Link
      to="/batches/$batchId/rows"
      params={{ batchId: row.batch_id }}
      search={{ q: String(row.file_row) }}
    >
      {row.filename}
    </Link>
  );
}

function RowStatus({ row }: { row: EmployeeRow }): ReactElement {
  return row.payment_status ? (
    <StatusChip kind="payment" status={row.payment_status} />
  ) : (
    <StatusChip kind="row" status={row.status} />
  );
}

function PaymentLink({ row }: { row: EmployeeRow }): ReactElement {
  if (!row.payment_id || !row.payment_status) return <>—</>;
  return (
    <Link to="/payments/$paymentId" params={{ paymentId: row.payment_id }}>
      <ShortId id={row.payment_id} />
    </Link>
  );
}
