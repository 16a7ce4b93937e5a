/** Every row of the file, a page at a time, with search, filters and order. */
import { keepPreviousData } from "@tanstack/react-query";
import { type ReactElement, useMemo } from "react";
import { query } from "../../../api/client";
import { PAGE_SIZE } from "../../../api/paging";
import { useText } from "../../../i18n/i18n";
import { useAddress } from "../../../ui/address";
import { Filters } from "../../../ui/Filters";
import { Grid } from "../../../ui/Grid";
import { Pager } from "../../../ui/Pager";
import { ProblemPanel } from "../../../ui/ProblemPanel";
import { ROW_LOOKS } from "../../../ui/statusLooks";
import { usePager } from "../../../ui/usePager";
import { useBatch } from "../../BatchContext";
import { rowColumns, shownRows } from "./rowColumns";
import { rowsRequest } from "./rowsRequest";
import { useRowPayments } from "./useRowPayments";

/** The grid's columns that the API sorts, and the API's name for each. */
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
const STATUSES = Object.keys(ROW_LOOKS);
const CHIPS = ["source", "branch", "institution", "reason_code"] as const;

export default function RowsTab(): ReactElement {
  const { batch } = useBatch();
  const [search] = useAddress();
  const text = useText();
  const rows = query.useQuery(
    "get",
    "/api/v1/batches/{batch_id}/rows",
    rowsRequest(batch.batch_id, search),
    { placeholderData: keepPreviousData },
  );
  const columns = useMemo(() => rowColumns(text), [text]);
  const payments = useRowPayments(batch, rows.data?.items ?? []);
  const pager = usePager(rows.data, PAGE_SIZE);
  return (
    <>
      <Filters find="rows.find" kind="row" statuses={STATUSES} chips={CHIPS} />
      {rows.error && <ProblemPanel error={rows.error} retry={() => void rows.refetch()} />}
      <Grid
        label={text("tab.rows")}
        columns={columns}
        rows={shownRows(rows.data?.items ?? [], payments)}
        rowId={(row) => row.row_id}
        loading={rows.isFetching}
        sorts={SORTS}
      />
      <Pager {...pager} />
    </>
  );
}
