import type { ReactElement } from "react";
import { query } from "../api/client";
import { type MessageId, T } from "../i18n/i18n";
import { Card } from "../ui/Card";
import { Facts } from "../ui/Facts";
import { DateTime, PlainDate } from "../ui/format";
import { Muted } from "../ui/layout";
import { Link } from "../ui/links";
import { Notice } from "../ui/Notice";
import { QueryView } from "../ui/QueryView";
import type { Tone } from "../ui/statusLooks";
import { nextPayDay, payDayState, type PayPeriod } from "./payDay";

const REFRESH_MS = 60_000;
const TONES: Record<ReturnType<typeof payDayState>, Tone> = {
  approved: "success",
  waits: "info",
  "no-roster": "info",
  late: "warning",
};

/** The next pay day: by when its roster is needed, and when its money moves. */
export function PayDayCard(): ReactElement {
  const days = query.useQuery("get", "/api/v1/home/pay-days", {}, { refetchInterval: REFRESH_MS });
  return (
    <Card title={<T id="pay-day.title" />}>
      <QueryView query={days}>
        {({ periods }) => {
          const next = nextPayDay(periods);
          return next && <PayDay period={next} now={days.dataUpdatedAt} />;
        }}
      </QueryView>
    </Card>
  );
}

function PayDay({ period, now }: { period: PayPeriod; now: number }): ReactElement {
  const state = payDayState(period, now);
  const dates: [MessageId, ReactElement][] = [
    ["pay-day.upload-by", <DateTime key="upload" at={period.upload_by} />],
    ["pay-day.approve-by", <DateTime key="approve" at={period.approve_by} />],
    ["pay-day.leaves", <PlainDate key="leaves" date={period.leaves_on} />],
    ["pay-day.arrives", <PlainDate key="arrives" date={period.arrives_on} />],
  ];
  return (
    <>
      <p>
        <T
          id="pay-day.period"
          values={{
            first: <PlainDate date={period.first} />,
            last: <PlainDate date={period.last} />,
          }}
        />
      </p>
      <Notice tone={TONES[state]}>
        <T id={`pay-day.${state}`} />{" "}
        {period.batches.map((batch) => (
          <span key={batch.batch_id}>
            <Link to="/batches/$batchId" params={{ batchId: batch.batch_id }}>
              {batch.filename}
            </Link>{" "}
          </span>
        ))}
      </Notice>
      <Facts items={dates} />
      <Muted>
        <T id="pay-day.means" />
      </Muted>
    </>
  );
}
