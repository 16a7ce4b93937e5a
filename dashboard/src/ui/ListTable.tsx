/**
 * A plain table for short lists. On a narrow screen each row becomes a card whose cells carry their
 * column's name. The ARIA roles are written out, because a screen reader no longer recognises a
 * table that is laid out as blocks.
 */
import { styled } from "@mui/material/styles";
import type { ReactElement, ReactNode } from "react";
import { type MessageId, T } from "../i18n/i18n";

export type Column<R> = {
  /** The column's name; no two columns of a table have the same. */
  header: MessageId;
  cell: (row: R) => ReactNode;
  /** Aligned to the right. */
  numeric?: boolean;
  /** Text that may need several lines. */
  wide?: boolean;
};

type ListTableProps<R> = {
  label: string;
  columns: readonly Column<R>[];
  rows: readonly R[];
  rowId: (row: R) => string;
  /** One cell for each column; an empty string leaves the cell empty. */
  footer?: readonly ReactNode[];
};

const Scroll = styled("section")({ overflowX: "auto", position: "relative" });

/** Below 600 px: rows as cards. */
const CARDS = {
  "&, & tbody, & tfoot, & tr, & td": { display: "block" },
  "& thead": {
    position: "absolute",
    width: 1,
    height: 1,
    overflow: "hidden",
    clip: "rect(0 0 0 0)",
  },
  "& tr": { borderBottom: "2px solid var(--mui-palette-divider)", padding: "6px 0" },
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
    color: "var(--mui-palette-text-secondary)",
    textAlign: "left",
    fontWeight: 400,
  },
  "& td.wide:first-of-type > .name": { display: "none" },
  "& td.wide > .name": { display: "block" },
} as const;

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
  "& .wide": { minWidth: 180, overflowWrap: "anywhere" },
  "& tbody tr:hover": { background: (theme.vars ?? theme).palette.action.hover },
  "& tfoot td": {
    fontWeight: 650,
    borderTop: `2px solid ${(theme.vars ?? theme).palette.text.secondary}`,
    borderBottom: 0,
  },
  "& td > .name": { display: "none" },
  "@media (max-width: 600px)": CARDS,
}));

/** A table. It scrolls sideways where it is too wide, so the keyboard must reach it. */
export function ListTable<R>(props: ListTableProps<R>): ReactElement {
  const { label, columns, rows, rowId, footer } = props;
  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls
    <Scroll aria-label={label} tabIndex={0}>
      <Table role="table">
        <thead role="rowgroup">
          <tr role="row">
            {columns.map((column) => (
              <th key={column.header} role="columnheader" scope="col" className={classesOf(column)}>
                <T id={column.header} />
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {rows.map((row) => (
            <tr key={rowId(row)} role="row">
              {columns.map((column) => (
                <td key={column.header} role="cell" className={classesOf(column)}>
                  <CellContent column={column}>{column.cell(row)}</CellContent>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
        {footer && <Footer columns={columns} cells={footer} />}
      </Table>
    </Scroll>
  );
}

function classesOf<R>(column: Column<R>): string | undefined {
  return [column.numeric && "right", column.wide && "wide"].filter(Boolean).join(" ") || undefined;
}

type CellContentProps<R> = { column: Column<R>; children: ReactNode };

/** The content of a cell, with its column's name, which only the cards show. */
function CellContent<R>({ column, children }: CellContentProps<R>): ReactElement {
  return (
    <>
      <span className="name" aria-hidden>
        <T id={column.header} />
      </span>
      <span>{children}</span>
    </>
  );
}

type FooterProps<R> = { columns: readonly Column<R>[]; cells: readonly ReactNode[] };

function Footer<R>({ columns, cells }: FooterProps<R>): ReactElement {
  return (
    <tfoot role="rowgroup">
      <tr role="row">
        {columns.map((column, n) => (
          <td key={column.header} role="cell" className={classesOf(column)}>
            {cells[n] !== "" && <CellContent column={column}>{cells[n]}</CellContent>}
          </td>
        ))}
      </tr>
    </tfoot>
  );
}
