import type { ReactElement } from "react";
import { T } from "../i18n/i18n";
import { PlainDate } from "./format";

type HoldDaysProps = { first_day: string; last_day: string | null; set_at: string };

/**
 * How long a hold lasts. It also counts for pay periods before it was set, so its first day is named
 * only if that is later.
 */
export function HoldDays({
  first_day: first,
  last_day: last,
  set_at: setAt,
}: HoldDaysProps): ReactElement {
  return (
    <>
      {first > setAt.slice(0, "2026-01-31".length) && (
        <>
          <T id="holds.from" values={{ day: <PlainDate date={first} /> }} />{" "}
        </>
      )}
      {last ? (
        <T id="holds.until" values={{ day: <PlainDate date={last} /> }} />
      ) : (
        <T id="holds.for-good" />
      )}
    </>
  );
}
