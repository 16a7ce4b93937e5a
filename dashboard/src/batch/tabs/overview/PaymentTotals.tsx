import type { ReactElement } from "react";
import type { Batch } from "../../../api/client";
import type { PaymentStatus } from "../../../api/statuses";
import { T, useText } from "../../../i18n/i18n";
import { Card } from "../../../ui/Card";
import { Count, Money } from "../../../ui/format";
import { Link } from "../../../ui/links";
import { type Column, ListTable } from "../../../ui/ListTable";

/** In this order: what was paid first, what went wrong last. */
const STATUSES = [
  "completed",
  "pending",
  "sending",
  "unprocessed",
  "in_doubt",
  "held",
  "failed",
  "reversed",
  "cancelled",
] as const;

/** The payments of a batch by status; statuses without payments are left out. */
export function PaymentTotals({ batch }: { batch: Batch }): ReactElement {
  const { payments, payment_amount_cents: cents, batch_id: batchId } = batch;
  const text = useText();
  const columns: Column<PaymentStatus>[] = [
    { header: "column.status", cell: (status) => <T id={`status.payment.${status}`} /> },
    {
      header: "column.payments",
      numeric: true,
      cell: (status) => (
        <Link to="/batches/$batchId/payments" params={{ batchId }} search={{ status }}>
          <Count value={payments[status]} />
        </Link>
      ),
    },
    {
      header: "column.amount",
      numeric: true,
      cell: (status) => <Money cents={cents[status]} />,
    },
  ];
  return (
    <Card title={<T id="overview.payments" />}>
      <ListTable
        label={text("overview.payments")}
        columns={columns}
        rows={STATUSES.filter((status) => payments[status] > 0)}
        rowId={(status) => status}
        footer={[
          <T key="total" id="total" />,
          <Count key="count" value={payments.total} />,
          <Money key="money" cents={cents.total} />,
        ]}
      />
    </Card>
  );
}
