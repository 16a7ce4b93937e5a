/** Every row of the file, a page at a time, with search, filters and order. */
import { keepPreviousData } from "@tanstack/react-query";
import type { GridColDef } from "@mui/x-data-grid";
import { type ReactElement, useMemo } from "react";
import { query, type Row } from "../api/client";
import { pageOf, pagesOf } from "../api/paging";
import { useText } from "../i18n/i18n";
import { useAddress } from "../ui/address";
import { Money, ShortId } from "../ui/figures";
import { Filters } from "../ui/Filters";
import { Grid } from "../ui/Grid";
import { Link } from "../ui/links";
import { Pager } from "../ui/Pager";
import { ProblemPanel } from "../ui/ProblemPanel";
import { StateChip } from "../ui/StateChip";
import { ROW } from "../ui/states";
import { rowsAsked } from "./rows";
import { useBatch } from "./useBatch";

const SORTS = {
  file_row: "file_row",
  name: "last_name",
  employee_id: "employee_id",
  branch_id: "branch_id",
  source_account_id: "source_account_id",
  institution_id: "institution_id",
  amount_cents: "amount_cents",
  status: "status",
};
const STATES = Object.keys(ROW);
const SHOWN = ["source", "branch", "institution", "reason_code"] as const;

export default function RowsTab(): ReactElement {
  const { batch } = useBatch();
  const [search, change] = useAddress();
  const text = useText();
  const page = pageOf(search.page);
  const found = query.useQuery(
    "get",
    "/api/v1/batches/{batch_id}/rows",
    rowsAsked(batch.batch_id, search),
    { placeholderData: keepPreviousData },
  );
  const columns = useColumns();
  const total = found.data?.total ?? 0;
  const go = (to: number) => () => change({ page: to === 1 ? "" : String(to) });
  return (
    <>
      <Filters find="rows.find" kind="row" states={STATES} shown={SHOWN} />
      {found.error && <ProblemPanel error={found.error} retry={() => void found.refetch()} />}
      <Grid
        label={text("tab.rows")}
        columns={columns}
        rows={found.data?.items ?? []}
        id={(row) => row.row_id}
        busy={found.isFetching}
        sorts={SORTS}
        empty={text("empty.filtered")}
      />
      <Pager
        page={page}
        total={total}
        shown={found.data?.items.length ?? 0}
        toFirst={go(1)}
        toPrevious={page > 1 ? go(page - 1) : undefined}
        toNext={found.data?.next ? go(page + 1) : undefined}
        toLast={go(pagesOf(total))}
      />
    </>
  );
}

function useColumns(): GridColDef<Row>[] {
  const text = useText();
  return useMemo(
    () => [
      { field: "file_row", headerName: text("column.row"), width: 80, type: "number" },
      {
        field: "name",
        headerName: text("column.employee"),
        width: 170,
        valueGetter: (_value, row) => `${row.first_name} ${row.last_name}`,
      },
      {
        field: "amount_cents",
        headerName: text("column.amount"),
        width: 160,
        align: "right",
        headerAlign: "right",
        renderCell: ({ row }) => <Money cents={row.amount_cents} />,
      },
      {
        field: "status",
        headerName: text("column.status"),
        width: 160,
        renderCell: ({ row }) => <StateChip kind="row" state={row.status} />,
      },
      {
        field: "reason",
        headerName: text("column.reason"),
        width: 260,
        renderCell: ({ row }) => <span title={row.reason}>{row.reason}</span>,
      },
      {
        field: "payment_id",
        headerName: text("column.payment"),
        width: 130,
        renderCell: ({ row }) =>
          row.payment_id ? (
            <Link to="/payments/$paymentId" params={{ paymentId: row.payment_id }}>
              <ShortId id={row.payment_id} />
            </Link>
          ) : (
            "—"
          ),
      },
      {
        field: "loan_last4",
        headerName: text("column.loan"),
        width: 100,
        valueFormatter: (value: string) => (value ? `****${value}` : ""),
      },
      { field: "institution_id", headerName: text("column.institution"), width: 120 },
      {
        field: "employee_id",
        headerName: text("column.employee-id"),
        width: 150,
        renderCell: ({ row }) => <ShortId id={row.employee_id} />,
      },
      {
        field: "branch_id",
        headerName: text("column.branch"),
        width: 150,
        renderCell: ({ row }) => <ShortId id={row.branch_id} />,
      },
      {
        field: "source_account_id",
        headerName: text("column.source"),
        width: 150,
        renderCell: ({ row }) => <ShortId id={row.source_account_id} />,
      },
    ],
    [text],
  );
}
