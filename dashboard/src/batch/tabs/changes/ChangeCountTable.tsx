import type { ReactElement } from "react";
import type { RosterChangeCounts } from "../../../api/client";
import { T, useText } from "../../../i18n/i18n";
import { Card } from "../../../ui/Card";
import { Count } from "../../../ui/format";
import { Link } from "../../../ui/links";
import { ListTable } from "../../../ui/ListTable";
import type { Search } from "../../../ui/search";
import { useBatch } from "../../BatchContext";
import { CHANGE_KINDS } from "../../changeKinds";

type ChangeCountTableProps = { counts: RosterChangeCounts; total: number };

/** How many changes there are of each kind; each count opens its changes. */
export function ChangeCountTable({ counts, total }: ChangeCountTableProps): ReactElement {
  const text = useText();
  return (
    <Card title={<T id="changes.kinds" />}>
      <ListTable
        label={text("changes.kinds")}
        rows={CHANGE_KINDS}
        rowId={(kind) => kind}
        footer={[
          <T key="total" id="total" />,
          "",
          <ChangeCount key="count" count={total} search={{}} />,
        ]}
        columns={[
          { header: "column.kind", cell: (kind) => <T id={`change.${kind}`} /> },
          { header: "column.means", wide: true, cell: (kind) => <T id={`change.${kind}.means`} /> },
          {
            header: "changes.n",
            numeric: true,
            cell: (kind) =>
              counts[kind] > 0 ? (
                <ChangeCount count={counts[kind]} search={{ kind }} />
              ) : (
                <Count value={0} />
              ),
          },
        ]}
      />
    </Card>
  );
}

function ChangeCount({ count, search }: { count: number; search: Search }): ReactElement {
  const { batch } = useBatch();
  return (
    <Link to="/batches/$batchId/changes" params={{ batchId: batch.batch_id }} search={search}>
      <Count value={count} />
    </Link>
  );
}
