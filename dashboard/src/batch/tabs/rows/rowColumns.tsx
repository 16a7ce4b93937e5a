import type { GridColDef } from "@mui/x-data-grid";
import type { Row } from "../../../api/client";
import type { useText } from "../../../i18n/i18n";
import { idColumn, moneyColumn, paymentColumn } from "../../../ui/gridColumns";
import { StatusChip } from "../../../ui/StatusChip";

/** The columns of the grid of rows, with their names in the person's language. */
export function rowColumns(text: ReturnType<typeof useText>): GridColDef<Row>[] {
  return [
    { field: "file_row", headerName: text("column.row"), width: 80, type: "number" },
    {
      field: "name",
      headerName: text("column.employee"),
      width: 170,
      valueGetter: (_value, row) => `${row.first_name} ${row.last_name}`,
    },
    moneyColumn(text("column.amount")),
    {
      field: "status",
      headerName: text("column.status"),
      width: 160,
      renderCell: ({ row }) => <StatusChip kind="row" status={row.status} />,
    },
    {
      field: "reason",
      headerName: text("column.reason"),
      width: 260,
      renderCell: ({ row }) => <span title={row.reason}>{row.reason}</span>,
    },
    paymentColumn(text("column.payment")),
    {
      field: "loan_last4",
      headerName: text("column.loan"),
      width: 100,
      valueFormatter: (value: string) => (value ? `****${value}` : ""),
    },
    { field: "institution_id", headerName: text("column.institution"), width: 120 },
    idColumn("employee_id", text("column.employee-id")),
    idColumn("branch_id", text("column.branch")),
    idColumn("source_account_id", text("column.source")),
  ];
}
