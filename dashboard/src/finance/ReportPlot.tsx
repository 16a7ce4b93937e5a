/** The largest lines of a report as a chart, with the same figures as a table. */
import { lazy, type ReactElement } from "react";
import { type FinanceReport, query } from "../api/client";
import type { components } from "../api/gateway";
import { hasRole, PERSONAL_ROLES } from "../api/session";
import { useSignedIn } from "../api/signedIn";
import { T, useText } from "../i18n/i18n";
import { ChartOrTable } from "../ui/ChartOrTable";
import { Count, DateTime, Money, shortId } from "../ui/format";
import { type Column, ListTable } from "../ui/ListTable";

const ReportChart = lazy(() => import("./ReportChart"));
type Line = components["schemas"]["FinanceReportLine"];
export type PlottedLine = Line & { name: string };

export function ReportPlot({ report }: { report: FinanceReport | undefined }): ReactElement | null {
  const { me } = useSignedIn();
  if (!report) return null;
  const isPersonal = report.question.by.includes("person");
  if (isPersonal && !hasRole(me, ...PERSONAL_ROLES)) return null;
  return <Plot report={report} />;
}

function Plot({ report }: { report: FinanceReport }): ReactElement | null {
  const text = useText();
  const { data } = query.useQuery("get", "/api/v1/finance/reports/{report_id}/lines", {
    params: { path: { report_id: report.report_id } },
  });
  if (!data?.lines) return null;
  const lines: PlottedLine[] = data.lines.map((line) => ({ ...line, name: nameOf(line) }));
  if (data.others)
    lines.push({ ...data.others, name: text("finance.plot.others", { n: data.others_count }) });
  return (
    <ChartOrTable
      title={<T id="finance.plot" />}
      summary={<T id="finance.plot.summary" values={{ at: <DateTime at={report.made_at} /> }} />}
      height={60 + lines.length * 28}
      chart={<ReportChart lines={lines} yearly={report.kind === "yearly"} />}
      table={
        <ListTable
          label={text("finance.plot")}
          rows={lines}
          rowId={(line) => line.name}
          columns={report.kind === "yearly" ? COLUMNS.slice(0, 3) : COLUMNS}
        />
      }
    />
  );
}

/** What a line is about, with long ids shortened. */
function nameOf({ about }: Line): string {
  return about.filter(Boolean).map(shortId).join(" · ") || "—";
}

const COLUMNS: readonly Column<PlottedLine>[] = [
  { header: "column.what", wide: true, cell: (line) => <>{line.name}</> },
  { header: "column.rows", numeric: true, cell: (line) => <Count value={line.rows} /> },
  { header: "column.amount", numeric: true, cell: (line) => <Money cents={line.amount_cents} /> },
  { header: "periods.paid", numeric: true, cell: (line) => <Money cents={line.paid_cents} /> },
  { header: "periods.failed", numeric: true, cell: (line) => <Money cents={line.failed_cents} /> },
  {
    header: "periods.returned",
    numeric: true,
    cell: (line) => <Money cents={line.returned_cents} />,
  },
];
