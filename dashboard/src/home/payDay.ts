/** Which pay day is the next one, and what stands in its way. */
import type { components } from "../api/gateway";

export type PayPeriod = components["schemas"]["PayPeriodDates"];
export type PayDayState = "approved" | "waits" | "no-roster" | "late";

/** The first period that nobody has approved a batch of; the last one if all have one. */
export function nextPayDay(periods: readonly PayPeriod[]): PayPeriod | undefined {
  return periods.find((period) => !period.approved) ?? periods.at(-1);
}

/** What is to be done for a pay day at a moment in milliseconds since 1970. */
export function payDayState(period: PayPeriod, now: number): PayDayState {
  if (period.approved) return "approved";
  if (now > Date.parse(period.approve_by)) return "late";
  return period.batches.length > 0 ? "waits" : "no-roster";
}
