/** The big table: pages, sort and filter are the server's; its state is in the address. */
import Box from "@mui/material/Box";
import { DataGrid, type GridColDef, type GridSortModel } from "@mui/x-data-grid";
import { type ReactElement, useMemo } from "react";
import { useText } from "../i18n/i18n";
import { useAddress } from "./address";

const NONE: GridSortModel = [];
const ONE_PAGE = { page: 0, pageSize: 100 };
const ROW_HEIGHT = 44;
/** Its own outline of half a colour and one pixel is too little to be seen. */
const SEEN = {
  "& .MuiDataGrid-root :is(.MuiDataGrid-cell, .MuiDataGrid-columnHeader):is(:focus, :focus-within)":
    { outline: "3px solid", outlineColor: "primary.main", outlineOffset: "-3px" },
} as const;

type Props<R> = {
  label: string;
  columns: GridColDef<R & object>[];
  rows: readonly R[];
  id: (row: R) => string;
  busy: boolean;
  sorts: Readonly<Record<string, string>>;
  empty: string;
};

/** `sorts`: which columns the server sorts, and its own name for each. */
export function Grid<R extends object>({
  label,
  columns,
  rows,
  id,
  busy,
  sorts,
  empty,
}: Props<R>): ReactElement {
  const [search, change] = useAddress();
  const text = useText();
  const sorted = search.sort ?? "";
  const model = useMemo<GridSortModel>(() => {
    const field = Object.keys(sorts).find((name) => sorts[name] === sorted.replace(/^-/, ""));
    return field ? [{ field, sort: sorted.startsWith("-") ? "desc" : "asc" }] : NONE;
  }, [sorted, sorts]);
  const made = useMemo(
    () =>
      columns.map((column) => ({
        display: "flex" as const,
        ...column,
        sortable: column.field in sorts,
      })),
    [columns, sorts],
  );
  const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content;
  return (
    <Box
      data-loading={busy || undefined}
      sx={{ width: "100%", height: "min(70vh, 720px)", minHeight: 320, ...SEEN }}
    >
      <DataGrid
        aria-label={label}
        rows={rows as R[]}
        columns={made}
        getRowId={id}
        rowHeight={ROW_HEIGHT}
        loading={busy}
        hideFooter
        paginationMode="server"
        rowCount={rows.length}
        paginationModel={ONE_PAGE}
        sortingMode="server"
        sortModel={model}
        filterMode="server"
        disableColumnFilter
        disableRowSelectionOnClick
        nonce={nonce?.startsWith("__") ? undefined : nonce}
        localeText={{
          noRowsLabel: empty,
          columnMenuLabel: text("grid.menu"),
          columnHeaderSortIconLabel: text("grid.sort"),
          columnMenuSortAsc: text("grid.asc"),
          columnMenuSortDesc: text("grid.desc"),
          columnMenuUnsort: text("grid.unsort"),
          columnMenuHideColumn: text("grid.hide"),
          columnMenuManageColumns: text("grid.manage"),
        }}
        onSortModelChange={(next) => {
          const [first] = next;
          change({
            sort: first ? `${first.sort === "desc" ? "-" : ""}${sorts[first.field] ?? ""}` : "",
          });
        }}
      />
    </Box>
  );
}
