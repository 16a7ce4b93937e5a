/** What is paid for an employee this year, beside the limit that is free of tax. */
import type { ReactElement } from "react";
import type { EmployeeStory } from "../api/client";
import { T } from "../i18n/i18n";
import { BigNumber, BigNumbers } from "../ui/BigNumber";
import { Money } from "../ui/format";
import type { Tone } from "../ui/statusLooks";

type Year = EmployeeStory["year"];
const NEAR_PERCENT = 90;

/** How the share of the limit looks: passed, near, or neither. */
export function limitTone({ counted_cents: counted, limit_cents: limit }: Year): Tone {
  if (counted > limit) return "error";
  return counted * 100 >= limit * NEAR_PERCENT ? "warning" : "neutral";
}

export function YearFigures({ year }: { year: Year }): ReactElement {
  const shownYear = String(year.year);
  return (
    <BigNumbers>
      <BigNumber
        label={<T id="employee.year-paid" values={{ year: shownYear }} />}
        value={<Money cents={year.paid_cents} />}
      />
      <BigNumber
        label={<T id="employee.year-counted" values={{ year: shownYear }} />}
        value={<Money cents={year.counted_cents} />}
        below={<T id="employee.year-counts" />}
      />
      <BigNumber
        label={<T id="employee.limit" />}
        value={<Money cents={year.limit_cents} />}
        tone={limitTone(year)}
        below={<T id="employee.limit-share" values={{ percent: year.counted_percent }} />}
      />
    </BigNumbers>
  );
}
