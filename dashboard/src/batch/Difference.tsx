import Button from "@mui/material/Button";
import type { ReactElement } from "react";
import type { Batch } from "../api/client";
import { T, useText } from "../i18n/i18n";
import { Money } from "../ui/figures";
import { Notice } from "../ui/page";
import { ListTable } from "../ui/table";
import { type Change, difference } from "./compare";

/** Before and after; the new state is approved only after it has been looked at. */
export function Difference({
  before,
  after,
  onTake,
}: {
  before: Batch;
  after: Batch;
  onTake: () => void;
}): ReactElement {
  const text = useText();
  const changes = difference(before, after);
  return (
    <Notice tone="warning" live>
      <b>
        <T id="difference.title" />
      </b>{" "}
      <T id={changes.length > 0 ? "difference.means" : "difference.none"} />
      {changes.length > 0 && (
        <ListTable
          label={text("difference.title")}
          rows={changes}
          id={(c) => c.what}
          columns={[
            {
              key: "what",
              head: <T id="column.what" />,
              cell: (c) => <T id={`difference.${c.what}`} />,
            },
            {
              key: "before",
              head: <T id="column.before" />,
              wide: true,
              cell: (c) => <Value change={c} value={c.before} />,
            },
            {
              key: "after",
              head: <T id="column.after" />,
              wide: true,
              cell: (c) => <Value change={c} value={c.after} />,
            },
          ]}
        />
      )}
      <Button variant="outlined" size="small" onClick={onTake} sx={{ mt: 1 }}>
        <T id="difference.take" />
      </Button>
    </Notice>
  );
}

function Value({ change, value }: { change: Change; value: number | string }): ReactElement {
  if (change.what.endsWith("_cents") && typeof value === "number") return <Money cents={value} />;
  return <>{value === "" ? "—" : value}</>;
}
