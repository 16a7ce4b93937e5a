import type { ReactElement } from "react";
import type { GridColDef } from "@mui/x-data-grid";
import type { Payment } from "../../../api/client";
import { useApiText, type useText } from "../../../i18n/i18n";
import { idColumn, moneyColumn, paymentColumn } from "../../../ui/gridColumns";
import { StatusChip } from "../../../ui/StatusChip";

const orDash = (value: string | null) => value ?? "—";

/** The columns of the grid of payments, with their names in the person's language. */
export function paymentColumns(text: ReturnType<typeof useText>): GridColDef<Payment>[] {
  return [
    {
      field: "rows",
      headerName: text("column.row"),
      width: 80,
      align: "right",
      headerAlign: "right",
      valueGetter: (_value, payment) => payment.rows.join(", "),
    },
    {
      field: "name",
      headerName: text("column.employee"),
      width: 170,
      sortable: false,
      valueGetter: (_value, payment) => `${payment.first_name} ${payment.last_name}`,
    },
    paymentColumn(text("column.payment")),
    moneyColumn(text("column.amount")),
    {
      field: "status",
      headerName: text("column.status"),
      width: 190,
      renderCell: ({ row }) => <StatusChip kind="payment" status={row.status} />,
    },
    {
      field: "provider_status",
      headerName: text("column.provider-status"),
      width: 180,
      valueFormatter: orDash,
    },
    {
      field: "reason",
      headerName: text("column.reason"),
      width: 260,
      renderCell: ({ row }) => <Reason payment={row} />,
    },
    { field: "attempts", headerName: text("column.attempts"), width: 100, type: "number" },
    {
      field: "loan_last4",
      headerName: text("column.loan"),
      width: 100,
      valueFormatter: (value: string) => `****${value}`,
    },
    { field: "institution_id", headerName: text("column.institution"), width: 120 },
    idColumn("employee_id", text("column.employee-id")),
    idColumn("source_account_id", text("column.source"), "source"),
    {
      field: "provider_payment_id",
      headerName: text("column.provider-id"),
      width: 180,
      valueFormatter: orDash,
    },
  ];
}

/** In a narrow column, so that it is cut off: the whole of it is shown under the pointer. */
function Reason({ payment }: { payment: Payment }): ReactElement {
  const apiText = useApiText();
  const reason = apiText(payment.reason || payment.reason_code, "reasons", payment.reason_code);
  return <span title={reason}>{reason}</span>;
}
