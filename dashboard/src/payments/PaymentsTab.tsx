/** The payments of a batch. The list is read forward, so its pages are reached one after another. */
import { keepPreviousData } from "@tanstack/react-query";
import type { GridColDef } from "@mui/x-data-grid";
import { type ReactElement, useMemo } from "react";
import { type Payment, query } from "../api/client";
import { pageOf } from "../api/paging";
import { useBatch } from "../batch/useBatch";
import { useText } from "../i18n/i18n";
import { useAddress } from "../ui/address";
import { Money, ShortId } from "../ui/figures";
import { Filters } from "../ui/Filters";
import { Grid } from "../ui/Grid";
import { Link } from "../ui/links";
import { Pager } from "../ui/Pager";
import { ProblemPanel } from "../ui/ProblemPanel";
import { StateChip } from "../ui/StateChip";
import { MOVING, PAYMENT } from "../ui/states";

const SORTS = {
  rows: "file_row",
  amount_cents: "amount",
  status: "status",
  employee_id: "employee_id",
};
const STATES = Object.keys(PAYMENT);
const SHOWN = ["source", "branch", "institution", "reason_code"] as const;
const CHANGING_MS = 4_000;
const BEFORE = new Map<string, string>(); // of each page's cursor: the one before it

export default function PaymentsTab(): ReactElement {
  const { batch } = useBatch();
  const [search, change] = useAddress();
  const text = useText();
  const { q, status, sort, source, branch, institution, reason_code, cursor } = search;
  const page = cursor ? pageOf(search.page) : 1;
  const found = query.useQuery(
    "get",
    "/api/v1/batches/{batch_id}/payments",
    {
      params: {
        path: { batch_id: batch.batch_id },
        query: { limit: 100, cursor, q, status, sort, source, branch, institution, reason_code },
      },
    },
    {
      placeholderData: keepPreviousData,
      refetchInterval: MOVING.has(batch.status) ? CHANGING_MS : false,
    },
  );
  const next = found.data?.next;
  const previous = cursor === undefined ? undefined : BEFORE.get(cursor);
  const columns = useColumns();
  const toNext = () => {
    if (!next) return;
    BEFORE.set(next, cursor ?? "");
    change({ cursor: next, page: String(page + 1) });
  };
  return (
    <>
      <Filters find="payments.find" kind="payment" states={STATES} shown={SHOWN} />
      {found.error && <ProblemPanel error={found.error} retry={() => void found.refetch()} />}
      <Grid
        label={text("tab.payments")}
        columns={columns}
        rows={found.data?.items ?? []}
        id={(one) => one.payment_id}
        busy={found.isPending}
        sorts={SORTS}
        empty={text("empty.filtered")}
      />
      <Pager
        page={page}
        total={found.data?.total ?? 0}
        shown={found.data?.items.length ?? 0}
        toFirst={() => change({ cursor: "", page: "" })}
        toPrevious={
          previous === undefined
            ? undefined
            : () => change({ cursor: previous, page: page > 2 ? String(page - 1) : "" })
        }
        toNext={next ? toNext : undefined}
      />
    </>
  );
}

function useColumns(): GridColDef<Payment>[] {
  const text = useText();
  return useMemo(
    () => [
      {
        field: "rows",
        headerName: text("column.row"),
        width: 80,
        align: "right",
        headerAlign: "right",
        valueGetter: (_value, one) => one.rows.join(", "),
      },
      {
        field: "payment_id",
        headerName: text("column.payment"),
        width: 120,
        renderCell: ({ row }) => (
          <Link to="/payments/$paymentId" params={{ paymentId: row.payment_id }}>
            <ShortId id={row.payment_id} />
          </Link>
        ),
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
        width: 190,
        renderCell: ({ row }) => <StateChip kind="payment" state={row.status} />,
      },
      {
        field: "provider_status",
        headerName: text("column.provider-status"),
        width: 130,
        valueFormatter: (value: string | null) => value ?? "—",
      },
      {
        field: "reason",
        headerName: text("column.reason"),
        width: 260,
        renderCell: ({ row }) => <span title={row.reason}>{row.reason || row.reason_code}</span>,
      },
      { field: "attempts", headerName: text("column.attempts"), width: 100, type: "number" },
      {
        field: "loan_last4",
        headerName: text("column.loan"),
        width: 100,
        valueFormatter: (value: string) => `****${value}`,
      },
      { field: "institution_id", headerName: text("column.institution"), width: 120 },
      {
        field: "employee_id",
        headerName: text("column.employee-id"),
        width: 150,
        renderCell: ({ row }) => <ShortId id={row.employee_id} />,
      },
      {
        field: "source_account_id",
        headerName: text("column.source"),
        width: 150,
        renderCell: ({ row }) => <ShortId id={row.source_account_id} />,
      },
      {
        field: "provider_payment_id",
        headerName: text("column.provider-id"),
        width: 180,
        valueFormatter: (value: string | null) => value ?? "—",
      },
    ],
    [text],
  );
}
