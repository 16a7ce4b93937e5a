/** Columns that more than one grid has. */
import type { GridColDef } from "@mui/x-data-grid";
import { Money, ShortId } from "./format";
import { Link } from "./links";
import { NamedId } from "./NamedId";

/** An amount in cents, shown as money. */
export function moneyColumn<R extends { amount_cents: number }>(name: string): GridColDef<R> {
  return {
    field: "amount_cents",
    headerName: name,
    width: 160,
    align: "right",
    headerAlign: "right",
    renderCell: ({ row }) => <Money cents={row.amount_cents} />,
  };
}

/** An id, shortened; that of a branch or a source account with its given name. */
export function idColumn<F extends string, R extends Record<F, string>>(
  field: F,
  name: string,
  kind?: "branch" | "source",
): GridColDef<R> {
  return {
    field,
    headerName: name,
    width: kind ? 220 : 150,
    renderCell: ({ row }) =>
      kind ? <NamedId kind={kind} id={row[field]} /> : <ShortId id={row[field]} />,
  };
}

/** A link to a payment, or a dash where there is none. */
export function paymentColumn<R extends { payment_id: string | null }>(
  name: string,
): GridColDef<R> {
  return {
    field: "payment_id",
    headerName: name,
    width: 130,
    renderCell: ({ row }) =>
      row.payment_id ? (
        <Link to="/payments/$paymentId" params={{ paymentId: row.payment_id }}>
          <ShortId id={row.payment_id} />
        </Link>
      ) : (
        "—"
      ),
  };
}
