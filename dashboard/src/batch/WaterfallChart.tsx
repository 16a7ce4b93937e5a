import type { ReactElement } from "react";
import { type MessageId, useLanguage, useText } from "../i18n/i18n";
import { Bars } from "../ui/Bars";
import { CHART_COLORS } from "../ui/chartColors";
import { formatMoney } from "../ui/money";
import type { RosterStep } from "./Waterfall";
import { type Bar, waterfallBars } from "./waterfallBars";

const HEIGHT = 260;

/** Money and rows from the roster before to this one, each as floating bars. */
export default function WaterfallChart({ parts }: { parts: readonly RosterStep[] }): ReactElement {
  const { locale } = useLanguage();
  const money = parts.map(({ kind, amount_cents: value }) => ({ kind, value }));
  const rows = parts.map(({ kind, rows: value }) => ({ kind, value }));
  return (
    <>
      <FloatingBars
        label="column.amount"
        bars={waterfallBars(money)}
        shown={(cents) => formatMoney(cents, locale)}
      />
      <FloatingBars
        label="column.rows"
        bars={waterfallBars(rows)}
        shown={(count) => count.toLocaleString(locale)}
      />
    </>
  );
}

type FloatingBarsProps = {
  label: MessageId;
  bars: readonly Bar[];
  shown: (value: number) => string;
};

function FloatingBars({ label, bars, shown }: FloatingBarsProps): ReactElement {
  const text = useText();
  const series = (part: "whole" | "added" | "taken", color: string) => ({
    id: part,
    stack: "steps",
    label: text(`waterfall.series.${part}`),
    data: bars.map((bar) => bar[part]),
    valueFormatter: (value: number | null) => (value ? shown(value) : null),
    color,
  });
  return (
    <Bars
      height={HEIGHT}
      xAxis={[{ data: bars.map((bar) => text(`waterfall.short.${bar.kind}` as MessageId)) }]}
      yAxis={[{ width: 92, label: text(label), valueFormatter: shown }]}
      series={[
        {
          id: "foot",
          stack: "steps",
          data: bars.map((bar) => bar.foot),
          color: "transparent",
          valueFormatter: () => null,
        },
        series("whole", CHART_COLORS.neutral),
        series("added", CHART_COLORS.good),
        series("taken", CHART_COLORS.bad),
      ]}
    />
  );
}
