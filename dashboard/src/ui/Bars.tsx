import { BarChart, type BarChartProps, type BarSeries } from "@mui/x-charts/BarChart";
import type { ReactElement } from "react";
import { useLanguage, useText } from "../i18n/i18n";
import { CHART_COLORS } from "./chartColors";
import { formatMoney } from "./money";

/** Bars that stand still. They are no stop of Tab: a table beside them has the same figures. */
export function Bars(props: BarChartProps): ReactElement {
  return <BarChart disableKeyboardNavigation skipAnimation {...props} />;
}

/** Cents as money, as charts ask for it. */
export function useChartMoney(): (cents: number | null) => string {
  const { locale } = useLanguage();
  return (cents) => formatMoney(cents ?? 0, locale);
}

type OutcomeSums = { paid_cents: number; failed_cents: number; returned_cents: number };

/** What was paid, failed and came back, stacked. */
export function useOutcomeSeries(lines: readonly OutcomeSums[]): BarSeries[] {
  const text = useText();
  const money = useChartMoney();
  const sum = (kind: "paid" | "failed" | "returned", color: string): BarSeries => ({
    id: kind,
    stack: "money",
    label: text(`periods.${kind}`),
    data: lines.map((line) => line[`${kind}_cents`]),
    valueFormatter: money,
    color,
  });
  return [
    sum("paid", CHART_COLORS.good),
    sum("failed", CHART_COLORS.bad),
    sum("returned", CHART_COLORS.other),
  ];
}
