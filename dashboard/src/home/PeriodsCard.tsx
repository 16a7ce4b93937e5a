import Box from "@mui/material/Box";
import { lazy, type ReactElement } from "react";
import { query } from "../api/client";
import type { components } from "../api/gateway";
import { T, useText } from "../i18n/i18n";
import { Card } from "../ui/Card";
import { ChartOrTable } from "../ui/ChartOrTable";
import { Count, Money, PlainDate, ShortId } from "../ui/format";
import { Link } from "../ui/links";
import { type Column, ListTable } from "../ui/ListTable";
import { Empty } from "../ui/Loading";
import { QueryView } from "../ui/QueryView";

const PeriodsChart = lazy(() => import("./PeriodsChart"));
export type Period = components["schemas"]["PeriodSums"];
const REFRESH_MS = 60_000;
const TARGET_PX = "24px"; // links below each other are so far apart (WCAG 2.2, 2.5.8)

/** What was paid, failed and came back in each of the last twelve pay periods. */
export function PeriodsCard(): ReactElement {
  const periods = query.useQuery(
    "get",
    "/api/v1/home/periods",
    { params: { query: { limit: 12 } } },
    { refetchInterval: REFRESH_MS },
  );
  const { data } = periods;
  if (!data || data.items.length === 0)
    return (
      <Card title={<T id="periods.title" />}>
        <QueryView query={periods}>
          {() => (
            <Empty>
              <T id="periods.none" />
            </Empty>
          )}
        </QueryView>
      </Card>
    );
  return <Periods periods={data.items} />;
}

function Periods({ periods }: { periods: readonly Period[] }): ReactElement {
  const text = useText();
  const newest = periods.at(-1);
  return (
    <ChartOrTable
      title={<T id="periods.title" />}
      summary={
        newest && (
          <T
            id="periods.summary"
            values={{
              period: <PlainDate date={newest.period} />,
              paid: <Money cents={newest.paid_cents} />,
              people: newest.people,
              failed: newest.failed_count,
              returned: newest.returned_count,
            }}
          />
        )
      }
      height={420}
      chart={<PeriodsChart periods={periods} />}
      table={
        <ListTable
          label={text("periods.title")}
          rows={periods.toReversed()}
          rowId={(period) => period.period}
          columns={COLUMNS}
        />
      }
    />
  );
}

type FigureProps = { period: Period; status: string; children: ReactElement };

/** A figure that opens its payments; those of several batches open by the batches beside it. */
function Figure({ period, status, children }: FigureProps): ReactElement {
  const [batchId, ...others] = period.batch_ids;
  if (!batchId || others.length > 0) return children;
  return (
    <Link to="/batches/$batchId/payments" params={{ batchId }} search={{ status }}>
      {children}
    </Link>
  );
}

type Sum = "paid" | "failed" | "returned";

function sumColumn(sum: Sum, status: string): Column<Period> {
  return {
    header: `periods.${sum}`,
    numeric: true,
    cell: (period) => (
      <Figure period={period} status={status}>
        <>
          <Money cents={period[`${sum}_cents`]} /> (<Count value={period[`${sum}_count`]} />)
        </>
      </Figure>
    ),
  };
}

const COLUMNS: readonly Column<Period>[] = [
  {
    header: "column.period",
    cell: ({ period, batch_ids: batches }) => (
      <>
        <PlainDate date={period} />
        {batches.map((id) => (
          <Box key={id} sx={{ lineHeight: TARGET_PX }}>
            <Link to="/batches/$batchId" params={{ batchId: id }}>
              <ShortId id={id} />
            </Link>
          </Box>
        ))}
      </>
    ),
  },
  sumColumn("paid", "completed"),
  sumColumn("failed", "failed"),
  sumColumn("returned", "reversed"),
  {
    header: "periods.people",
    numeric: true,
    cell: (period) => (
      <Figure period={period} status="completed">
        <Count value={period.people} />
      </Figure>
    ),
  },
];
