import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import { lazy, type ReactElement, Suspense, useState } from "react";
import { T, useText } from "../../../i18n/i18n";
import { Card } from "../../../ui/Card";
import { Count, DateTime, Duration } from "../../../ui/format";
import { type Column, ListTable } from "../../../ui/ListTable";
import type { QueuePoint } from "./useLiveBatch";

const BurnDownChart = lazy(() => import("./BurnDownChart"));

type QueueChartProps = { points: readonly QueuePoint[]; perMinute: number | null };

/** How the queue shrank since this page was opened: in a sentence, as a chart or as a table. */
export function QueueChart({ points, perMinute }: QueueChartProps): ReactElement {
  const [asTable, setAsTable] = useState(false);
  return (
    <Card
      title={<T id="live.curve" />}
      actions={
        <Button
          size="small"
          variant="outlined"
          aria-pressed={asTable}
          onClick={() => setAsTable(!asTable)}
        >
          <T id="chart.table" />
        </Button>
      }
    >
      <p>
        <Summary points={points} />
      </p>
      {asTable ? (
        <PointTable points={points} />
      ) : (
        <Suspense fallback={<Box sx={{ height: 260 }} />}>
          <BurnDownChart points={points} perMinute={perMinute} />
        </Suspense>
      )}
    </Card>
  );
}

function Summary({ points }: { points: readonly QueuePoint[] }): ReactElement | null {
  const [first] = points;
  const last = points.at(-1);
  if (!first || !last) return null;
  return (
    <T
      id="live.curve.summary"
      values={{
        from: first.left,
        to: last.left,
        time: <Duration seconds={(last.at - first.at) / 1_000} />,
      }}
    />
  );
}

const LISTED_MAX = 20;
const COLUMNS: readonly Column<QueuePoint>[] = [
  {
    header: "column.time",
    cell: (point) => <DateTime at={new Date(point.at).toISOString()} />,
  },
  { header: "live.left", numeric: true, cell: (point) => <Count value={point.left} /> },
];

function PointTable({ points }: { points: readonly QueuePoint[] }): ReactElement {
  const text = useText();
  return (
    <ListTable
      label={text("live.curve")}
      rows={points.slice(-LISTED_MAX).toReversed()}
      rowId={(point) => String(point.at)}
      columns={COLUMNS}
    />
  );
}
