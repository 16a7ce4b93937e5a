/** Every row of the file, a page at a time, with search, filters and order. */
import { keepPreviousData } from "@tanstack/react-query";
import { lazy, type ReactElement, Suspense, useMemo, useState } from "react";
import { query } from "../../../api/client";
import { PAGE_SIZE } from "../../../api/paging";
import { hasRole, PERSONAL_ROLES } from "../../../api/session";
import { useSignedIn } from "../../../api/signedIn";
import { useText } from "../../../i18n/i18n";
import { useAddress } from "../../../ui/address";
import { Filters } from "../../../ui/Filters";
import { Grid } from "../../../ui/Grid";
import { Pager } from "../../../ui/Pager";
import { ProblemPanel } from "../../../ui/ProblemPanel";
import { ROW_LOOKS } from "../../../ui/statusLooks";
import { usePager } from "../../../ui/usePager";
import { useBatch } from "../../BatchContext";
import { mayDecide } from "../../decision";
import type { Asked } from "../../RowDialog";
import { rowColumns, shownRows } from "./rowColumns";
import { menuColumn, rowActions } from "./RowMenu";
import { rowsRequest } from "./rowsRequest";
import { useRowPayments } from "./useRowPayments";

// Only for who can decide, and not needed to see the rows.
const RowDecisions = lazy(() => import("../../RowDecisions"));
const RowDialog = lazy(() => import("../../RowDialog"));

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
  const { me } = useSignedIn();
  const [selected, setSelected] = useState<readonly string[]>([]);
  const [asked, setAsked] = useState<Asked>();
  const decides = mayDecide(batch, me);
  const [search] = useAddress();
  const text = useText();
  const rows = query.useQuery(
    "get",
    "/api/v1/batches/{batch_id}/rows",
    rowsRequest(batch.batch_id, search),
    { placeholderData: keepPreviousData },
  );
  const columns = useColumns(setAsked);
  const payments = useRowPayments(batch, rows.data?.items ?? []);
  const pager = usePager(rows.data, PAGE_SIZE);
  return (
    <>
      <Filters find="rows.find" kind="row" statuses={STATUSES} chips={CHIPS} />
      {rows.error && <ProblemPanel error={rows.error} retry={() => void rows.refetch()} />}
      {decides && rows.data && (
        <Suspense>
          <RowDecisions
            selected={rows.data.items.filter((row) => selected.includes(row.row_id))}
            total={rows.data.total}
            onAsk={setAsked}
          />
        </Suspense>
      )}
      <AskedDialog asked={asked} setAsked={setAsked} onDone={() => void rows.refetch()} />
      <Grid
        label={text("tab.rows")}
        columns={columns}
        rows={shownRows(rows.data?.items ?? [], payments)}
        rowId={(row) => row.row_id}
        loading={rows.isFetching}
        sorts={SORTS}
        onSelect={decides ? setSelected : undefined}
      />
      <Pager {...pager} />
    </>
  );
}

/** The columns of the grid, with a menu for who can do something with a row. */
function useColumns(onAsk: (asked: Asked) => void) {
  const { batch } = useBatch();
  const { me } = useSignedIn();
  const text = useText();
  const linkPeople = hasRole(me, ...PERSONAL_ROLES);
  return useMemo(() => {
    const columns = rowColumns(text, linkPeople);
    if (!linkPeople) return columns;
    return [menuColumn(text, (row) => rowActions(batch, me, row), onAsk), ...columns];
  }, [text, linkPeople, batch, me, onAsk]);
}

type AskedDialogProps = {
  asked: Asked | undefined;
  setAsked: (asked: Asked | undefined) => void;
  onDone: () => void;
};

function AskedDialog({ asked, setAsked, onDone }: AskedDialogProps): ReactElement | null {
  if (!asked) return null;
  const close = () => setAsked(undefined);
  const done = () => {
    close();
    onDone();
  };
  return (
    <Suspense>
      <RowDialog asked={asked} onClose={close} onDone={done} />
    </Suspense>
  );
}
