import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import { type ReactElement, type ReactNode, Suspense, useState } from "react";
import { T } from "../i18n/i18n";
import { Card } from "./Card";

type ChartOrTableProps = {
  title: ReactNode;
  /** One sentence that says what the chart shows. */
  summary: ReactNode;
  /** Loaded when it is shown. */
  chart: ReactNode;
  table: ReactNode;
  height?: number;
};

/** A chart with a table of the same figures below it, and a button that hides the chart. */
export function ChartOrTable(props: ChartOrTableProps): ReactElement {
  const { title, summary, chart, table, height = 260 } = props;
  const [tableOnly, setTableOnly] = useState(false);
  return (
    <Card
      title={title}
      actions={
        <Button
          size="small"
          variant="outlined"
          aria-pressed={tableOnly}
          onClick={() => setTableOnly(!tableOnly)}
        >
          <T id="chart.table" />
        </Button>
      }
    >
      <p>{summary}</p>
      {!tableOnly && (
        <Box sx={{ minHeight: height, mb: 1 }}>
          <Suspense fallback={null}>{chart}</Suspense>
        </Box>
      )}
      {table}
    </Card>
  );
}
