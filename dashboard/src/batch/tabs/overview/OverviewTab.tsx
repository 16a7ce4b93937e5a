/** How much is paid, to how many, from where and for which branch, and what stays out. */
import { lazy, type ReactElement, Suspense } from "react";
import type { Batch } from "../../../api/client";
import { ENDED, NEVER_APPROVED, ROW_STATUSES } from "../../../api/statuses";
import { ApiText } from "../../../i18n/ApiText";
import { T } from "../../../i18n/i18n";
import { BigNumber, BigNumbers } from "../../../ui/BigNumber";
import { Card } from "../../../ui/Card";
import { Facts } from "../../../ui/Facts";
import { Code, DateTime, Duration, Money } from "../../../ui/format";
import { ROW_LOOKS } from "../../../ui/statusLooks";
import { useBatch } from "../../BatchContext";
import { RowsLink } from "../../RowsLink";
import { SumsLine } from "../../SumsLine";
import { BranchTotals } from "./BranchTotals";
import { PaymentTotals } from "./PaymentTotals";
import { SourceTotals } from "./SourceTotals";

/** Loaded after the page: it needs an answer of its own. */
const MoneyNeeded = lazy(() => import("./MoneyNeeded"));
const Waterfall = lazy(() => import("../../Waterfall"));

export default function OverviewTab(): ReactElement {
  const { batch } = useBatch();
  if (batch.status === "rejected") return <About batch={batch} />; // nothing of the file counts
  return (
    <>
      <SumsLine batch={batch} />
      <Outcomes batch={batch} />
      {!NEVER_APPROVED.has(batch.status) && <PaymentTotals batch={batch} />}
      {!ENDED.has(batch.status) && batch.sources.length > 0 && (
        <Suspense fallback={null}>
          <MoneyNeeded batchId={batch.batch_id} />
        </Suspense>
      )}
      <Suspense fallback={null}>
        <Waterfall batchId={batch.batch_id} />
      </Suspense>
      <SourceTotals batch={batch} />
      <BranchTotals batch={batch} />
      <About batch={batch} />
    </>
  );
}

/**
 * One big number for each outcome of the file's rows. Rare outcomes are left out when they are 0.
 */
function Outcomes({ batch }: { batch: Batch }): ReactElement {
  const { rows, amount_cents: cents, batch_id: batchId } = batch;
  const shown = ROW_STATUSES.filter(
    (status) => status === "payable" || status === "unpayable" || rows[status] > 0,
  );
  return (
    <BigNumbers>
      {shown.map((status) => (
        <BigNumber
          key={status}
          tone={rows[status] > 0 ? ROW_LOOKS[status].tone : "neutral"}
          label={<T id={`outcome.${status}`} />}
          value={<Money cents={cents[status]} />}
          below={
            <RowsLink batchId={batchId} search={{ status }}>
              <T id="rows.count" values={{ n: rows[status] }} />
            </RowsLink>
          }
        />
      ))}
      <BigNumber
        label={<T id="outcome.total" />}
        value={<Money cents={cents.total} />}
        below={
          <RowsLink batchId={batchId} search={{}}>
            <T id="rows.count" values={{ n: rows.total }} />
          </RowsLink>
        }
      />
    </BigNumbers>
  );
}

function About({ batch }: { batch: Batch }): ReactElement {
  return (
    <Card title={<T id="overview.about" />}>
      <Facts
        items={[
          ["fact.uploaded", <Act key="uploaded" at={batch.uploaded_at} by={batch.uploaded_by} />],
          [
            "fact.approved",
            batch.approved_by ? (
              <Act key="approved" at={batch.approved_at} by={batch.approved_by} />
            ) : (
              <T key="not-yet" id="fact.not-yet" />
            ),
          ],
          [
            "fact.digest",
            batch.digest ? (
              <Code key="digest">{batch.digest}</Code>
            ) : (
              <T key="none" id="fact.digest.none" />
            ),
          ],
          ...(ENDED.has(batch.status)
            ? []
            : [["fact.eta", <SendingTime key="eta" seconds={batch.eta_s} />] as const]),
          ...(batch.reason
            ? [["fact.reason", <ApiText key="reason" text={batch.reason} />] as const]
            : []),
          ...(batch.one_person
            ? [["fact.one-person", <T key="one" id="fact.one-person.yes" />] as const]
            : []),
        ]}
      />
    </Card>
  );
}

function Act({ at, by }: { at: string | null; by: string }): ReactElement {
  return (
    <>
      <DateTime at={at} /> · {by}
    </>
  );
}

function SendingTime({ seconds }: { seconds: number | null }): ReactElement {
  if (seconds === null) return <T id="fact.eta.none" />;
  return (
    <>
      <Duration seconds={seconds} /> <T id="fact.eta.limit" />
    </>
  );
}
