import type { ReactElement } from "react";
import { PAYMENT_STATUSES, type PaymentStatus } from "../../../api/statuses";
import { T, useText } from "../../../i18n/i18n";
import { Card } from "../../../ui/Card";
import { Count, Money } from "../../../ui/format";
import { Link } from "../../../ui/links";
import { type Column, ListTable } from "../../../ui/ListTable";
import { StatusMeaning } from "../../../ui/StatusChip";
import type { LiveFigures } from "./useLiveBatch";

/** Statuses that are listed even while no payment has them. */
const ALWAYS_LISTED: ReadonlySet<string> = new Set([
  "unprocessed",
  "pending",
  "completed",
  "failed",
]);

type PaymentStatusTableProps = { figures: LiveFigures; batchId: string };

/** The payments by status, with what each status means. */
export function PaymentStatusTable({ figures, batchId }: PaymentStatusTableProps): ReactElement {
  const { payments, payment_amount_cents: cents } = figures;
  const text = useText();
  const columns: Column<PaymentStatus>[] = [
    { header: "column.status", cell: (status) => <T id={`status.payment.${status}`} /> },
    {
      header: "column.means",
      wide: true,
      cell: (status) => <StatusMeaning kind="payment" status={status} />,
    },
    {
      header: "column.payments",
      numeric: true,
      cell: (status) => (
        <Link to="/batches/$batchId/payments" params={{ batchId }} search={{ status }}>
          <Count value={payments[status]} />
        </Link>
      ),
    },
    { header: "column.amount", numeric: true, cell: (status) => <Money cents={cents[status]} /> },
  ];
  return (
    <Card title={<T id="overview.payments" />}>
      <ListTable
        label={text("overview.payments")}
        rows={PAYMENT_STATUSES.filter(
          (status) => payments[status] > 0 || ALWAYS_LISTED.has(status),
        )}
        rowId={(status) => status}
        columns={columns}
        footer={[
          <T key="total" id="total" />,
          "",
          <Count key="count" value={payments.total} />,
          <Money key="money" cents={cents.total} />,
        ]}
      />
    </Card>
  );
}
