/** What is paid in each pay period, as a bar, and a sentence that says why the rest is not. */
import { styled } from "@mui/material/styles";
import type { ReactElement } from "react";
import type { EmployeePeriod } from "../api/client";
import { useText } from "../i18n/i18n";
import { Card } from "../ui/Card";
import { Money, PlainDate } from "../ui/format";
import { type Column, ListTable } from "../ui/ListTable";
import { Word } from "../ui/Word";
import { PeriodSentence } from "./NotPaid";

const Track = styled("div")(({ theme }) => ({
  display: "flex",
  width: 160,
  maxWidth: "100%",
  height: 12,
  borderRadius: 3,
  overflow: "hidden",
  outline: `1px solid ${(theme.vars ?? theme).palette.divider}`,
  // The bar repeats figures that stand beside it.
  "@media (forced-colors: active)": { display: "none" },
}));
const PARTS = ["paid", "open", "unpaid"] as const;
const Part = styled("div", { shouldForwardProp: (name) => name !== "part" })<{
  part: (typeof PARTS)[number];
}>(({ theme, part }) => {
  const { palette } = theme.vars ?? theme;
  const color = { paid: palette.success.main, open: palette.info.main, unpaid: palette.error.main };
  return { background: color[part] };
});

/** How long each part of a period's bar is, in whole per cent of the largest period. */
export function barParts(
  period: EmployeePeriod,
  largestCents: number,
): { part: (typeof PARTS)[number]; percent: number }[] {
  if (largestCents <= 0) return [];
  return PARTS.map((part) => ({
    part,
    percent: Math.round((period[`${part}_cents`] * 100) / largestCents),
  })).filter(({ percent }) => percent > 0);
}

/** The amount of the largest period, in cents. */
export function largestPeriod(periods: readonly EmployeePeriod[]): number {
  return Math.max(0, ...periods.map((one) => one.paid_cents + one.open_cents + one.unpaid_cents));
}

export function PeriodTable({ periods }: { periods: EmployeePeriod[] }): ReactElement {
  const text = useText();
  const largest = largestPeriod(periods);
  const columns: Column<EmployeePeriod>[] = [
    { header: "column.period", cell: (one) => <PlainDate date={one.first} /> },
    { header: "column.until", cell: (one) => <PlainDate date={one.last} /> },
    { header: "column.status", cell: (one) => <Word prefix="period" code={one.outcome} /> },
    { header: "column.paid", cell: (one) => <Money cents={one.paid_cents} />, numeric: true },
    { header: "employee.bar", cell: (one) => <Bar period={one} largestCents={largest} /> },
    { header: "employee.why", cell: (one) => <PeriodSentence period={one} />, wide: true },
  ];
  return (
    <Card title={text("employee.periods")}>
      <ListTable
        label={text("employee.periods")}
        columns={columns}
        rows={periods}
        rowId={(one) => `${one.first} ${one.last}`}
      />
    </Card>
  );
}

type BarProps = { period: EmployeePeriod; largestCents: number };

function Bar({ period, largestCents }: BarProps): ReactElement {
  return (
    <Track aria-hidden>
      {barParts(period, largestCents).map(({ part, percent }) => (
        <Part key={part} part={part} style={{ width: `${percent}%` }} />
      ))}
    </Track>
  );
}
