import Checkbox from "@mui/material/Checkbox";
import { type ReactElement, useState } from "react";
import { query } from "../api/client";
import { T, useText } from "../i18n/i18n";
import { Money } from "../ui/figures";
import { Field, Input } from "../ui/Filters";
import { Loading, Notice } from "../ui/page";
import { ProblemPanel } from "../ui/ProblemPanel";
import { ListTable } from "../ui/table";

export type Include = { row_id: string; reason: string };
const MOST = 100;

/** Rows left out because another batch of this period pays them; the approver may take some in, with a reason. */
export function Excluded({
  batchId,
  include,
  onInclude,
}: {
  batchId: string;
  include: Include[];
  onInclude: (include: Include[]) => void;
}): ReactElement {
  const [reason, setReason] = useState("");
  const text = useText();
  const found = query.useQuery("get", "/api/v1/batches/{batch_id}/rows", {
    params: { path: { batch_id: batchId }, query: { status: "excluded", limit: MOST } },
  });
  if (found.error) return <ProblemPanel error={found.error} retry={() => void found.refetch()} />;
  if (!found.data) return <Loading />;
  const chosen = new Set(include.map((one) => one.row_id));
  const tick = (id: string, on: boolean) =>
    onInclude(
      on
        ? [...include, { row_id: id, reason: reason.trim() }]
        : include.filter((one) => one.row_id !== id),
    );
  const say = (said: string) => {
    setReason(said);
    onInclude(said.trim() === "" ? [] : include.map((one) => ({ ...one, reason: said.trim() })));
  };
  return (
    <div>
      <Notice tone="warning">
        <T id="excluded.means" values={{ n: found.data.total }} />{" "}
        {found.data.total > MOST && <T id="excluded.first" values={{ n: MOST }} />}
      </Notice>
      <Field>
        <T id="excluded.reason" />
        <Input value={reason} maxLength={500} onChange={(event) => say(event.target.value)} />
      </Field>
      <ListTable
        label={text("excluded.title")}
        rows={found.data.items}
        id={(row) => row.row_id}
        columns={[
          {
            key: "in",
            head: <T id="excluded.include" />,
            cell: (row) => (
              <Checkbox
                size="small"
                disabled={reason.trim() === ""}
                checked={chosen.has(row.row_id)}
                onChange={(event) => tick(row.row_id, event.target.checked)}
                slotProps={{
                  input: { "aria-label": text("excluded.include.row", { row: row.file_row }) },
                }}
              />
            ),
          },
          { key: "row", head: <T id="column.row" />, right: true, cell: (row) => row.file_row },
          {
            key: "who",
            head: <T id="column.employee" />,
            cell: (row) => `${row.first_name} ${row.last_name}`,
          },
          {
            key: "amount",
            head: <T id="column.amount" />,
            right: true,
            cell: (row) => <Money cents={row.amount_cents} />,
          },
          { key: "why", head: <T id="column.reason" />, wide: true, cell: (row) => row.reason },
        ]}
      />
    </div>
  );
}
