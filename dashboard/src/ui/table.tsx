/**
 * A plain table for short lists. Where there is little room each row becomes a card, its cells named; the roles are written out,
 * because a table laid out as blocks is no table to a screen reader any more.
 */
import { styled } from "@mui/material/styles";
import type { ReactElement, ReactNode } from "react";

export type Column<R> = {
  key: string;
  head: ReactNode;
  cell: (row: R) => ReactNode;
  right?: boolean;
  wide?: boolean;
};
type Props<R> = {
  label: string;
  columns: Column<R>[];
  rows: readonly R[];
  id: (row: R) => string;
  foot?: ReactNode[];
};

const Scroll = styled("section")({ overflowX: "auto", position: "relative" });
const Table = styled("table")(({ theme }) => ({
  width: "100%",
  borderCollapse: "collapse",
  fontSize: "0.9375rem",
  "& th, & td": {
    padding: "8px 12px",
    textAlign: "left",
    verticalAlign: "top",
    borderBottom: `1px solid ${(theme.vars ?? theme).palette.divider}`,
  },
  "& th": { fontWeight: 650, verticalAlign: "bottom" },
  "@media (min-width: 601px)": { "& time": { whiteSpace: "nowrap" } },
  "& .right": { textAlign: "right" },
  "& .wide": { minWidth: 220, overflowWrap: "anywhere" },
  "& tbody tr:hover": { background: (theme.vars ?? theme).palette.action.hover },
  "& tfoot td": {
    fontWeight: 650,
    borderTop: `2px solid ${(theme.vars ?? theme).palette.text.secondary}`,
    borderBottom: 0,
  },
  "& td > .name": { display: "none" },
  "@media (max-width: 600px)": {
    "&, & tbody, & tfoot, & tr, & td": { display: "block" },
    "& thead": {
      position: "absolute",
      width: 1,
      height: 1,
      overflow: "hidden",
      clip: "rect(0 0 0 0)",
    },
    "& tr": {
      borderBottom: `2px solid ${(theme.vars ?? theme).palette.divider}`,
      padding: "6px 0",
    },
    "& td, & tfoot td": { border: 0, padding: "3px 0", minWidth: "0 !important" },
    "& td:not(.wide)": {
      display: "flex",
      justifyContent: "space-between",
      gap: 12,
      textAlign: "right",
    },
    "& td:empty": { display: "none !important" },
    "& td > .name": {
      display: "inline",
      color: (theme.vars ?? theme).palette.text.secondary,
      textAlign: "left",
      fontWeight: 400,
    },
    "& td.wide:first-of-type > .name": { display: "none" },
    "& td.wide > .name": { display: "block" },
  },
}));

export function ListTable<R>({ label, columns, rows, id, foot }: Props<R>): ReactElement {
  const looks = columns.map(
    (column) =>
      [column.right && "right", column.wide && "wide"].filter(Boolean).join(" ") || undefined,
  );
  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by keyboard
    <Scroll aria-label={label} tabIndex={0}>
      <Table role="table">
        <thead role="rowgroup">
          <tr role="row">
            {columns.map((column, n) => (
              <th key={column.key} role="columnheader" scope="col" className={looks[n]}>
                {column.head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {rows.map((row) => (
            <tr key={id(row)} role="row">
              {columns.map((column, n) => (
                <td key={column.key} role="cell" className={looks[n]}>
                  <span className="name" aria-hidden>
                    {column.head}
                  </span>
                  <span>{column.cell(row)}</span>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
        {foot && (
          <tfoot role="rowgroup">
            <tr role="row">
              {columns.map((column, n) => (
                <td key={column.key} role="cell" className={looks[n]}>
                  {foot[n] !== "" && (
                    <>
                      <span className="name" aria-hidden>
                        {column.head}
                      </span>
                      <span>{foot[n]}</span>
                    </>
                  )}
                </td>
              ))}
            </tr>
          </tfoot>
        )}
      </Table>
    </Scroll>
  );
}
