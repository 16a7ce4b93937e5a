import type { ReactElement } from "react";
import { useLanguage, useText } from "../i18n/i18n";
import { Bars, useChartMoney, useOutcomeSeries } from "../ui/Bars";
import { CHART_COLORS } from "../ui/chartColors";
import type { Period } from "./PeriodsCard";

const HEIGHT = 220;

/** Money of each period as stacked bars, and below it how many people were paid something. */
export default function PeriodsChart({ periods }: { periods: readonly Period[] }): ReactElement {
  const text = useText();
  const { locale } = useLanguage();
  const xAxis = [{ data: periods.map((one) => shortDay(one.period, locale)) }];
  return (
    <>
      <Bars
        height={HEIGHT}
        xAxis={xAxis}
        yAxis={[{ width: 92, valueFormatter: useChartMoney() }]}
        series={useOutcomeSeries(periods)}
      />
      <Bars
        height={HEIGHT}
        xAxis={xAxis}
        yAxis={[{ width: 92, valueFormatter: (n: number) => n.toLocaleString(locale) }]}
        series={[
          {
            id: "people",
            label: text("periods.people"),
            data: periods.map((one) => one.people),
            color: CHART_COLORS.neutral,
          },
        ]}
      />
    </>
  );
}

/** A day without its year, which twelve periods do not need on an axis. */
function shortDay(day: string, locale: string): string {
  return new Date(`${day}T00:00:00Z`).toLocaleDateString(locale, {
    month: "short",
    day: "numeric",
    timeZone: "UTC",
  });
}
