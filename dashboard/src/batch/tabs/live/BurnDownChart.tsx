import { LineChart } from "@mui/x-charts/LineChart";
import type { ReactElement } from "react";
import { useLanguage, useText } from "../../../i18n/i18n";
import { CHART_COLORS } from "../../../ui/chartColors";
import { leftAtLimit } from "./sendRate";
import type { QueuePoint } from "./useLiveBatch";

type BurnDownChartProps = { points: readonly QueuePoint[]; perMinute: number | null };

/** Payments left to send over time, beside the fastest that the provider's limit allows. */
export default function BurnDownChart({ points, perMinute }: BurnDownChartProps): ReactElement {
  const { locale, zone } = useLanguage();
  const series = useSeries(points, perMinute);
  const timeOfDay = (at: Date) =>
    at.toLocaleTimeString(locale, {
      hour: "numeric",
      minute: "2-digit",
      second: "2-digit",
      timeZone: zone,
    });
  return (
    <LineChart
      disableKeyboardNavigation
      height={260}
      skipAnimation
      series={series}
      yAxis={[
        { width: 64, min: 0, valueFormatter: (value: number) => value.toLocaleString(locale) },
      ]}
      xAxis={[
        {
          data: points.map((point) => new Date(point.at)),
          scaleType: "time",
          valueFormatter: timeOfDay,
        },
      ]}
    />
  );
}

function useSeries(points: readonly QueuePoint[], perMinute: number | null) {
  const text = useText();
  const [first] = points;
  const left = {
    id: "left",
    label: text("live.left"),
    data: points.map((point) => point.left),
    area: true,
    showMark: false,
    color: CHART_COLORS.good,
  };
  if (!first || !perMinute) return [left];
  const limit = {
    id: "limit",
    label: text("live.at-limit"),
    data: points.map((point) => leftAtLimit(first, perMinute, point.at)),
    showMark: false,
    color: CHART_COLORS.bad,
  };
  return [left, limit];
}
