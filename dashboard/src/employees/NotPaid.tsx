/** Why rows are not paid, in the person's language: the API sends codes with their values. */
import { Fragment, type ReactElement } from "react";
import type { EmployeePeriod, EmployeeRow } from "../api/client";
import { isMessageId, type MessageId, T, useApiText } from "../i18n/i18n";
import { Money } from "../ui/format";

type Why = NonNullable<EmployeeRow["not_paid"]>;
const TITLES = {
  paid: "why.title.paid",
  open: "why.title.open",
  unpaid: "why.title.unpaid",
} as const satisfies Record<string, MessageId>;

/** Why one row is not paid; what an older gateway or a newer code says is shown as it is sent. */
export function NotPaid({ row }: { row: Pick<EmployeeRow, "why" | "not_paid"> }): ReactElement {
  const { not_paid: why } = row;
  if (!why || !isMessageId(idOf(why))) return <>{row.why || "—"}</>;
  return <Reason why={why} />;
}

/** What is paid in a period, and why the rest is not. */
export function PeriodSentence({ period }: { period: EmployeePeriod }): ReactElement {
  const { parts = [] } = period;
  const known = parts.every((part) => part.whys.every((why) => isMessageId(idOf(why))));
  if (period.outcome === "not_listed") return <T id="why.not-listed" />;
  if (parts.length === 0 || !known) return <>{period.sentence}</>;
  return (
    <>
      {parts.map((part, n) => (
        <Fragment key={part.outcome}>
          {n > 0 && " "}
          <T id={TITLES[part.outcome]} values={{ money: <Money cents={part.amount_cents} /> }} />
          {part.whys.length > 0 && ": "}
          {part.whys.map((why, i) => (
            <Fragment key={JSON.stringify(why)}>
              {i > 0 && "; "}
              <Reason why={why} />
            </Fragment>
          ))}
          {part.more > 0 && <T id="why.more" values={{ n: part.more }} />}.
        </Fragment>
      ))}
    </>
  );
}

function idOf(why: Why): string {
  return why.code === "return_under_way" ? `why.${why.code}` : `why.${why.code}.${why.status}`;
}

function Reason({ why }: { why: Why }): ReactElement {
  const apiText = useApiText();
  const reason = apiText(why.reason, "reasons", why.reason_code).replace(/\.$/, "");
  return (
    <>
      <T id={idOf(why) as MessageId} values={{ file: why.filename }} />
      {reason && ` (${reason})`}
    </>
  );
}
