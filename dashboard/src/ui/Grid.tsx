/** The table for long lists. The server pages, sorts and filters; the state is in the address. */
import Box from "@mui/material/Box";
import { DataGrid, type GridColDef, type GridSortModel } from "@mui/x-data-grid";
import { type ReactElement, useMemo } from "react";
import { type MessageId, useText } from "../i18n/i18n";
import { useAddress } from "./address";
import { styleNonce } from "./styleNonce";

const UNSORTED: GridSortModel = [];
const ONE_PAGE = { page: 0, pageSize: 100 };
const ROW_HEIGHT = 44;
/** The grid's own focus outline is one pixel in half a color, which is too faint. */
const CELL_FOCUS = {
  "& .MuiDataGrid-root :is(.MuiDataGrid-cell, .MuiDataGrid-columnHeader):is(:focus, :focus-within)":
    { outline: "3px solid", outlineColor: "primary.main", outlineOffset: "-3px" },
} as const;

type GridProps<R> = {
  label: string;
  columns: GridColDef<R & object>[];
  rows: readonly R[];
  rowId: (row: R) => string;
  loading: boolean;
  /** The columns that the server sorts, with the server's name for each. */
  sorts: Readonly<Record<string, string>>;
  /** Gives each row a box to select it; called with the ids of the selected rows of the page. */
  onSelect?: (ids: readonly string[]) => void;
};

export function Grid<R extends object>(props: GridProps<R>): ReactElement {
  const { label, columns, rows, rowId, loading, sorts, onSelect } = props;
  const localeText = useLocaleText();
  const [sortModel, setSortModel] = useSortModel(sorts);
  const sortableColumns = useMemo(
    () =>
      columns.map((column) => ({
        display: "flex" as const,
        ...column,
        sortable: column.field in sorts,
      })),
    [columns, sorts],
  );
  return (
    <Box
      data-loading={loading || undefined}
      sx={{ width: "100%", height: "min(70vh, 720px)", minHeight: 320, ...CELL_FOCUS }}
    >
      <DataGrid
        aria-label={label}
        rows={rows as R[]}
        columns={sortableColumns}
        getRowId={rowId}
        rowHeight={ROW_HEIGHT}
        loading={loading}
        hideFooter
        paginationMode="server"
        rowCount={rows.length}
        paginationModel={ONE_PAGE}
        sortingMode="server"
        sortModel={sortModel}
        filterMode="server"
        disableColumnFilter
        disableRowSelectionOnClick
        disableRowSelectionExcludeModel
        checkboxSelection={onSelect !== undefined}
        onRowSelectionModelChange={({ ids }) => onSelect?.([...ids].map(String))}
        nonce={styleNonce()}
        localeText={localeText}
        onSortModelChange={setSortModel}
      />
    </Box>
  );
}

/**
 * The order in the address as the grid's model. The model is memoised: a new one resets the page.
 */
function useSortModel(
  sorts: Readonly<Record<string, string>>,
): [GridSortModel, (model: GridSortModel) => void] {
  const [search, change] = useAddress();
  const inAddress = search.sort ?? "";
  const model = useMemo<GridSortModel>(() => {
    const field = Object.keys(sorts).find((name) => sorts[name] === inAddress.replace(/^-/, ""));
    return field ? [{ field, sort: inAddress.startsWith("-") ? "desc" : "asc" }] : UNSORTED;
  }, [inAddress, sorts]);
  const set = ([first]: GridSortModel) =>
    change({
      sort: first ? `${first.sort === "desc" ? "-" : ""}${sorts[first.field] ?? ""}` : "",
    });
  return [model, set];
}

const GRID_TEXTS = {
  noRowsLabel: "empty.filtered",
  actionsCellMore: "row.menu",
  columnMenuLabel: "grid.menu",
  columnHeaderSortIconLabel: "grid.sort",
  columnMenuSortAsc: "grid.asc",
  columnMenuSortDesc: "grid.desc",
  columnMenuUnsort: "grid.unsort",
  columnMenuHideColumn: "grid.hide",
  columnMenuManageColumns: "grid.manage",
} as const satisfies Record<string, MessageId>;

function useLocaleText(): Record<string, string> {
  const text = useText();
  return Object.fromEntries(Object.entries(GRID_TEXTS).map(([name, id]) => [name, text(id)]));
}
