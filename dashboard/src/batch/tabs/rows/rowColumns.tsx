import type { GridColDef } from "@mui/x-data-grid";
import type { ReactElement } from "react";
import type { Payment, Row } from "../../../api/client";
import { useApiText, type useText } from "../../../i18n/i18n";
import { idColumn, moneyColumn, paymentColumn } from "../../../ui/gridColumns";
import { Link } from "../../../ui/links";
import { StatusChip } from "../../../ui/StatusChip";

/** A row of the file with its payment, if it has one that was approved. */
export type ShownRow = Row & { payment?: Payment };

/**
 * The rows as they are shown. A row's own status is the one of its checks; once it has a payment,
 * what became of the payment counts. Without an approved payment the payment's id leads nowhere.
 */
export function shownRows(
  rows: readonly Row[],
  payments: ReadonlyMap<string, Payment> | undefined,
): ShownRow[] {
  return rows.map((row) => {
    const payment = row.payment_id ? payments?.get(row.payment_id) : undefined;
    return payment ? { ...row, payment } : { ...row, payment_id: null };
  });
}

/** Why a row, or its payment, is not paid: with the field and the value of the file if they are. */
export function reasonOf(row: ShownRow, apiText: ReturnType<typeof useApiText>): string {
  const { reason, reason_code: code } = row.payment ?? row;
  const shown = apiText(reason || code, "reasons", code);
  if (row.payment || !row.reason_field) return shown;
  const value = row.reason_value ? ` “${row.reason_value}”` : "";
  return `${row.reason_field}${value}: ${shown}`;
}

/**
 * The columns of the grid of rows, with their names in the person's language. `linkPeople`: names
 * lead to the pages of the employees.
 */
export function rowColumns(
  text: ReturnType<typeof useText>,
  linkPeople: boolean,
): GridColDef<ShownRow>[] {
  return [
    { field: "file_row", headerName: text("column.row"), width: 80, type: "number" },
    {
      field: "name",
      headerName: text("column.employee"),
      width: 170,
      valueGetter: (_value, row) => `${row.first_name} ${row.last_name}`,
      renderCell: ({ row, value }) =>
        linkPeople && row.person_id ? (
          <Link to="/employees/$personId" params={{ personId: row.person_id }}>
            {value}
          </Link>
        ) : (
          value
        ),
    },
    moneyColumn(text("column.amount")),
    {
      field: "status",
      headerName: text("column.status"),
      width: 190,
      renderCell: ({ row }) =>
        row.payment ? (
          <StatusChip kind="payment" status={row.payment.status} />
        ) : (
          <StatusChip kind="row" status={row.status} />
        ),
    },
    {
      field: "reason",
      headerName: text("column.reason"),
      width: 320,
      renderCell: ({ row }) => <Reason row={row} />,
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
    idColumn("branch_id", text("column.branch"), "branch"),
    idColumn("source_account_id", text("column.source"), "source"),
  ];
}

/** In a narrow column, so that it is cut off: the whole of it is shown under the pointer. */
function Reason({ row }: { row: ShownRow }): ReactElement {
  const reason = reasonOf(row, useApiText());
  return <span title={reason}>{reason}</span>;
}
