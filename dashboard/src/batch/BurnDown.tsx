/** What is left to send, over time, beside the fastest the provider's limit allows. */
import { LineChart } from "@mui/x-charts/LineChart";
import type { ReactElement } from "react";
import { useLanguage, useText } from "../i18n/i18n";
import { idealLeft } from "./eta";
import type { Point } from "./useLive";

export default function BurnDown({
  points,
  perMin,
}: {
  points: readonly Point[];
  perMin: number | null;
}): ReactElement {
  const { locale, zone } = useLanguage();
  const text = useText();
  const [first] = points;
  const series = [
    {
      id: "left",
      label: text("live.left"),
      data: points.map((point) => point.left),
      area: true,
      showMark: false,
      color: "#0b7a75",
    },
    ...(first && perMin
      ? [
          {
            id: "ideal",
            label: text("live.ideal"),
            data: points.map((point) => idealLeft(first, perMin, point.at)),
            showMark: false,
            color: "#c2571a",
          },
        ]
      : []),
  ];
  return (
    <LineChart
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
          valueFormatter: (at: Date) =>
            at.toLocaleTimeString(locale, {
              hour: "numeric",
              minute: "2-digit",
              second: "2-digit",
              timeZone: zone,
            }),
        },
      ]}
    />
  );
}
