/** A plain table for short lists; it scrolls in itself when there is no room, and the keyboard can scroll it. */
import { styled } from "@mui/material/styles";
import type { ReactElement, ReactNode } from "react";

export type Column<R> = { key: string; head: ReactNode; cell: (row: R) => ReactNode; right?: boolean; wide?: boolean };
type Props<R> = { label: string; columns: Column<R>[]; rows: readonly R[]; id: (row: R) => string; foot?: ReactNode[] };

const Scroll = styled("section")({ overflowX: "auto", position: "relative" });
const Table = styled("table")(({ theme }) => ({ width: "100%", borderCollapse: "collapse", fontSize: "0.9375rem",
  "& th, & td": { padding: "8px 12px", textAlign: "left", verticalAlign: "top", borderBottom: `1px solid ${(theme.vars ?? theme).palette.divider}` },
  "& th": { fontWeight: 650, whiteSpace: "nowrap", verticalAlign: "bottom" }, "& .right": { textAlign: "right" }, "& .wide": { minWidth: 220, overflowWrap: "anywhere" },
  "& tbody tr:hover": { background: (theme.vars ?? theme).palette.action.hover }, "& tfoot td": { fontWeight: 650, borderTop: `2px solid ${(theme.vars ?? theme).palette.text.secondary}`, borderBottom: 0 } }));

export function ListTable<R>({ label, columns, rows, id, foot }: Props<R>): ReactElement {
  const looks = columns.map((column) => [column.right && "right", column.wide && "wide"].filter(Boolean).join(" ") || undefined);
  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by keyboard
    <Scroll aria-label={label} tabIndex={0}>
      <Table>
        <thead><tr>{columns.map((column, n) => <th key={column.key} scope="col" className={looks[n]}>{column.head}</th>)}</tr></thead>
        <tbody>
          {rows.map((row) => <tr key={id(row)}>{columns.map((column, n) => <td key={column.key} className={looks[n]}>{column.cell(row)}</td>)}</tr>)}
        </tbody>
        {foot && <tfoot><tr>{columns.map((column, n) => <td key={column.key} className={looks[n]}>{foot[n]}</td>)}</tr></tfoot>}
      </Table>
    </Scroll>
  );
}
