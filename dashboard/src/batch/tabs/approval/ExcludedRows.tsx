import Checkbox from "@mui/material/Checkbox";
import { type ReactElement, useState } from "react";
import { query, type Row } from "../../../api/client";
import { ApiText } from "../../../i18n/ApiText";
import { T, useText } from "../../../i18n/i18n";
import { Field, Input } from "../../../ui/fields";
import { Money } from "../../../ui/format";
import { type Column, ListTable } from "../../../ui/ListTable";
import { Notice } from "../../../ui/Notice";
import { QueryView } from "../../../ui/QueryView";
import { isPaidElsewhere } from "../../decision";
import type { IncludedRow } from "./useApproval";

const SHOWN_MAX = 100;

type ExcludedRowsProps = {
  batchId: string;
  included: IncludedRow[];
  onChange: (included: IncludedRow[]) => void;
};

/**
 * The excluded rows. Those that another batch of this pay period pays can be included; what a person
 * excluded or holds cannot.
 */
export function ExcludedRows({ batchId, included, onChange }: ExcludedRowsProps): ReactElement {
  const rows = query.useQuery("get", "/api/v1/batches/{batch_id}/rows", {
    params: { path: { batch_id: batchId }, query: { status: "excluded", limit: SHOWN_MAX } },
  });
  return (
    <QueryView query={rows}>
      {({ items, total }) => (
        <div>
          <Notice tone="warning">
            <T id="excluded.means" values={{ n: total }} />{" "}
            {total > SHOWN_MAX && <T id="excluded.first" values={{ n: SHOWN_MAX }} />}
          </Notice>
          <IncludeRows rows={items} included={included} onChange={onChange} />
        </div>
      )}
    </QueryView>
  );
}

type IncludeRowsProps = Pick<ExcludedRowsProps, "included" | "onChange"> & {
  rows: readonly Row[];
};

/** Lets the approver include rows again. It takes one reason, which counts for all of them. */
function IncludeRows({ rows, included, onChange }: IncludeRowsProps): ReactElement {
  const [reason, setReason] = useState("");
  const text = useText();
  const changeReason = (typed: string) => {
    const trimmed = typed.trim();
    setReason(typed);
    onChange(trimmed === "" ? [] : included.map((row) => ({ ...row, reason: trimmed })));
  };
  const include = ({ row_id }: Row, on: boolean) =>
    onChange(
      on
        ? [...included, { row_id, reason: reason.trim() }]
        : included.filter((row) => row.row_id !== row_id),
    );
  const includeColumn: Column<Row> = {
    header: "excluded.include",
    cell: (row) => (
      <IncludeBox
        row={row}
        checked={included.some((one) => one.row_id === row.row_id)}
        disabled={reason.trim() === "" || !isPaidElsewhere(row)}
        onChange={(on) => include(row, on)}
      />
    ),
  };
  return (
    <>
      <Field>
        <T id="excluded.reason" />
        <Input
          value={reason}
          maxLength={500}
          onChange={(event) => changeReason(event.target.value)}
        />
      </Field>
      <ListTable
        label={text("excluded.title")}
        rows={rows}
        rowId={(row) => row.row_id}
        columns={[includeColumn, ...ROW_COLUMNS]}
      />
    </>
  );
}

const ROW_COLUMNS: readonly Column<Row>[] = [
  { header: "column.row", numeric: true, cell: (row) => row.file_row },
  { header: "column.employee", cell: (row) => `${row.first_name} ${row.last_name}` },
  { header: "column.amount", numeric: true, cell: (row) => <Money cents={row.amount_cents} /> },
  {
    header: "column.reason",
    wide: true,
    cell: (row) => <ApiText text={row.reason} kind="reasons" code={row.reason_code} />,
  },
];

type IncludeBoxProps = {
  row: Row;
  checked: boolean;
  disabled: boolean;
  onChange: (on: boolean) => void;
};

function IncludeBox({ row, checked, disabled, onChange }: IncludeBoxProps): ReactElement {
  const text = useText();
  const label = text("excluded.include.row", { row: row.file_row });
  return (
    <Checkbox
      size="small"
      disabled={disabled}
      checked={checked}
      onChange={(event) => onChange(event.target.checked)}
      slotProps={{ input: { "aria-label": label } }}
    />
  );
}
