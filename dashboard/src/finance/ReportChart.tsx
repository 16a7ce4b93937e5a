import type { ReactElement } from "react";
import { useText } from "../i18n/i18n";
import { Bars, useChartMoney, useOutcomeSeries } from "../ui/Bars";
import { CHART_COLORS } from "../ui/chartColors";
import type { PlottedLine } from "./ReportPlot";

const LINE_PX = 28;
const FRAME_PX = 90;
const NAME_MAX = 24; // characters

type ReportChartProps = { lines: readonly PlottedLine[]; yearly: boolean };

/** A bar for each line: what was paid, failed and came back; of a year what counts in it. */
export default function ReportChart({ lines, yearly }: ReportChartProps): ReactElement {
  const text = useText();
  const money = useChartMoney();
  const outcomes = useOutcomeSeries(lines);
  const whole = {
    id: "amount",
    label: text("column.amount"),
    data: lines.map((line) => line.amount_cents),
    valueFormatter: money,
    color: CHART_COLORS.neutral,
  };
  return (
    <Bars
      layout="horizontal"
      height={FRAME_PX + lines.length * LINE_PX}
      yAxis={[
        {
          width: 150,
          scaleType: "band",
          data: lines.map((_line, n) => n),
          valueFormatter: (n: number) => cut(lines[n]?.name ?? ""),
        },
      ]}
      xAxis={[{ valueFormatter: money, tickNumber: 3 }]}
      series={yearly ? [whole] : outcomes}
    />
  );
}

function cut(name: string): string {
  return name.length > NAME_MAX ? `${name.slice(0, NAME_MAX - 1)}…` : name;
}
