import Button from "@mui/material/Button";
import type { ReactElement } from "react";
import type { Batch } from "../../../api/client";
import { T, useText } from "../../../i18n/i18n";
import { Money } from "../../../ui/format";
import { type Column, ListTable } from "../../../ui/ListTable";
import { Notice } from "../../../ui/Notice";
import { batchDifferences, type Difference } from "./differences";

type BatchDifferenceProps = { before: Batch; after: Batch; onAccept: () => void };

/** Before and after. The approver has to accept the new state before it can be approved. */
export function BatchDifference({ before, after, onAccept }: BatchDifferenceProps): ReactElement {
  const text = useText();
  const differences = batchDifferences(before, after);
  return (
    <Notice tone="warning" live>
      <b>
        <T id="difference.title" />
      </b>{" "}
      <T id={differences.length > 0 ? "difference.means" : "difference.none"} />
      {differences.length > 0 && (
        <ListTable
          label={text("difference.title")}
          rows={differences}
          rowId={(one) => one.what}
          columns={COLUMNS}
        />
      )}
      <Button variant="outlined" size="small" onClick={onAccept} sx={{ mt: 1 }}>
        <T id="difference.take" />
      </Button>
    </Notice>
  );
}

const COLUMNS: readonly Column<Difference>[] = [
  { header: "column.what", cell: (one) => <T id={`difference.${one.what}`} /> },
  {
    header: "column.before",
    wide: true,
    cell: (one) => <Value of={one} value={one.before} />,
  },
  {
    header: "column.after",
    wide: true,
    cell: (one) => <Value of={one} value={one.after} />,
  },
];

function Value({ of, value }: { of: Difference; value: number | string }): ReactElement {
  if (of.what.endsWith("_cents") && typeof value === "number") return <Money cents={value} />;
  return <>{value === "" ? "—" : value}</>;
}
