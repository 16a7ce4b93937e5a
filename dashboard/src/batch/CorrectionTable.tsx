import type { ReactElement } from "react";
import type { Correction } from "../api/client";
import { useText } from "../i18n/i18n";
import { Code, DateTime } from "../ui/format";
import { NamedId } from "../ui/NamedId";
import { type Column, ListTable } from "../ui/ListTable";

/** A correction that is offered, or one that was accepted, with who did and when. */
type OfferedOrMade = Correction & { by?: string | null; at?: string | null };

const OFFERED_COLUMNS: readonly Column<OfferedOrMade>[] = [
  { header: "column.source", cell: (one) => <NamedId kind="source" id={one.source_account_id} /> },
  { header: "column.field", cell: (one) => one.field },
  { header: "column.from", cell: (one) => <Code>{one.from}</Code> },
  { header: "column.to", cell: (one) => <b>{one.to}</b> },
];
const MADE_COLUMNS: readonly Column<OfferedOrMade>[] = [
  ...OFFERED_COLUMNS,
  {
    header: "column.by",
    cell: (one) => (
      <>
        {one.by ?? "—"} {one.at && <DateTime at={one.at} />}
      </>
    ),
  },
];

type CorrectionTableProps = { corrections: readonly OfferedOrMade[]; made: boolean };

/** Corrections of source accounts; with `made` also who accepted them. */
export function CorrectionTable({ corrections, made }: CorrectionTableProps): ReactElement {
  const text = useText();
  return (
    <ListTable
      label={text("corrections.table")}
      rows={corrections}
      rowId={(one) => `${one.source_account_id}|${one.field}`}
      columns={made ? MADE_COLUMNS : OFFERED_COLUMNS}
    />
  );
}
