/** How the roster approved before became this one, step by step, as a chart and a table. */
import { lazy, type ReactElement } from "react";
import { query } from "../api/client";
import type { components } from "../api/gateway";
import { T, useText } from "../i18n/i18n";
import { ChartOrTable } from "../ui/ChartOrTable";
import { Count, Money } from "../ui/format";
import { Link } from "../ui/links";
import { type Column, ListTable } from "../ui/ListTable";
import { CHANGE_KINDS } from "./changeKinds";

const WaterfallChart = lazy(() => import("./WaterfallChart"));
export type RosterStep = components["schemas"]["RosterStep"];

/** Nothing without an earlier roster, and while it is not known. */
export default function Waterfall({ batchId }: { batchId: string }): ReactElement | null {
  const { data } = query.useQuery("get", "/api/v1/batches/{batch_id}/compared", {
    params: { path: { batch_id: batchId } },
  });
  if (!data?.before || !data.after) return null;
  return <Steps batchId={batchId} parts={[data.before, ...data.steps, data.after]} />;
}

type StepsProps = { batchId: string; parts: readonly RosterStep[] };

function Steps({ batchId, parts }: StepsProps): ReactElement {
  const text = useText();
  const [before, after] = [parts[0], parts.at(-1)];
  const moved = (after?.rows ?? 0) - (before?.rows ?? 0);
  return (
    <ChartOrTable
      title={<T id="waterfall.title" />}
      summary={
        <T
          id="waterfall.summary"
          values={{
            before: <Money cents={before?.amount_cents ?? 0} />,
            after: <Money cents={after?.amount_cents ?? 0} />,
            change: moved === 0 ? "none" : moved > 0 ? "more" : "fewer",
            n: Math.abs(moved),
          }}
        />
      }
      height={520}
      chart={<WaterfallChart parts={parts} />}
      table={
        <ListTable
          label={text("waterfall.title")}
          rows={parts}
          rowId={(part) => part.kind}
          columns={columnsOf(batchId)}
        />
      }
    />
  );
}

function columnsOf(batchId: string): Column<RosterStep>[] {
  return [
    {
      header: "column.what",
      wide: true,
      cell: ({ kind }) =>
        CHANGE_KINDS.some((one) => one === kind) ? (
          <Link to="/batches/$batchId/changes" params={{ batchId }} search={{ kind }}>
            <T id={`waterfall.${kind}`} />
          </Link>
        ) : (
          <T id={`waterfall.${kind}`} />
        ),
    },
    { header: "column.rows", numeric: true, cell: ({ rows }) => <Count value={rows} /> },
    {
      header: "column.amount",
      numeric: true,
      cell: ({ amount_cents: cents }) => <Money cents={cents} />,
    },
  ];
}
