/** A plain table for short lists; it scrolls in itself when there is no room, and the keyboard can scroll it. */
import Box from "@mui/material/Box";
import Table from "@mui/material/Table";
import TableBody from "@mui/material/TableBody";
import TableCell from "@mui/material/TableCell";
import TableHead from "@mui/material/TableHead";
import TableRow from "@mui/material/TableRow";
import type { ReactElement, ReactNode } from "react";

export type Column<R> = { key: string; head: ReactNode; cell: (row: R) => ReactNode; right?: boolean; wide?: boolean };

type Props<R> = { label: string; columns: Column<R>[]; rows: readonly R[]; id: (row: R) => string; foot?: ReactNode[] };

export function ListTable<R>({ label, columns, rows, id, foot }: Props<R>): ReactElement {
  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- a region that scrolls must be reachable by keyboard
    <Box role="region" aria-label={label} tabIndex={0} sx={{ overflowX: "auto", position: "relative" }}>
      <Table size="small" aria-label={label}>
        <TableHead>
          <TableRow>{columns.map((c) => <TableCell key={c.key} align={c.right ? "right" : "left"} scope="col">{c.head}</TableCell>)}</TableRow>
        </TableHead>
        <TableBody>
          {rows.map((row) => (
            <TableRow key={id(row)} hover>
              {columns.map((c) => <TableCell key={c.key} align={c.right ? "right" : "left"} sx={{ minWidth: c.wide ? 220 : undefined, overflowWrap: c.wide ? "anywhere" : undefined }}>{c.cell(row)}</TableCell>)}
            </TableRow>
          ))}
          {foot && (
            <TableRow sx={{ "& > *": { fontWeight: 650, borderTop: 2, borderTopColor: "divider" } }}>
              {columns.map((c, n) => <TableCell key={c.key} align={c.right ? "right" : "left"}>{foot[n]}</TableCell>)}
            </TableRow>
          )}
        </TableBody>
      </Table>
    </Box>
  );
}
