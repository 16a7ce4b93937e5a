/** What a person asks for in a report, and the order that is sent for it. */
import type { components } from "../api/gateway";

export const DIMENSIONS = [
  "source",
  "branch",
  "servicer",
  "month",
  "status",
  "person",
  "batch",
] as const;
export type Dimension = (typeof DIMENSIONS)[number];

export type WantedReport = {
  /** First days of pay periods, YYYY-MM-DD; empty: no limit. */
  fromDay: string;
  toDay: string;
  /** Ids of batches, separated by spaces, commas or lines; empty: every approved batch. */
  batches: string;
  by: readonly Dimension[];
};

type Order = components["schemas"]["FinanceReportOrder"];

/** The order for a report. Columns come in the order of DIMENSIONS, whatever was ticked first. */
export function reportOrder({ fromDay, toDay, batches, by }: WantedReport): Order {
  return {
    from_day: fromDay || null,
    to_day: toDay || null,
    batch_ids: batches.split(/[\s,;]+/).filter(Boolean),
    by: DIMENSIONS.filter((dimension) => by.includes(dimension)),
  };
}

/** Whether a report can be asked for: something to group by, and days in their order. */
export function isComplete({ fromDay, toDay, by }: WantedReport): boolean {
  return by.length > 0 && (!fromDay || !toDay || fromDay <= toDay);
}
