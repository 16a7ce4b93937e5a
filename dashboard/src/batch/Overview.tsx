/** The preview: how much, to how many, from where, for which branch, and what stays out. Every number leads to its rows. */
import type { ReactElement } from "react";
import type { Batch } from "../api/client";
import { T, useText } from "../i18n/i18n";
import { Code, Count, Duration, Money, ShortId, When } from "../ui/figures";
import { Link } from "../ui/links";
import { BigNumber, Card, Empty, Facts, Numbers } from "../ui/page";
import { NOTHING_SENT, ROW } from "../ui/states";
import { ListTable } from "../ui/table";
import { RowsLink } from "./RowsLink";
import { SumsLine } from "./SumsLine";
import { useBatch } from "./useBatch";

const OUTCOMES = ["payable", "unpayable", "refused", "excluded"] as const;
const STATES = [
  "completed",
  "pending",
  "sending",
  "unprocessed",
  "in_doubt",
  "held",
  "failed",
  "reversed",
  "cancelled",
] as const;

export default function Overview(): ReactElement {
  const { batch } = useBatch();
  return (
    <>
      <SumsLine batch={batch} />
      <Outcomes batch={batch} />
      {!NOTHING_SENT.has(batch.status) && <Payments batch={batch} />}
      <Sources batch={batch} />
      <Branches batch={batch} />
      <About batch={batch} />
    </>
  );
}

function Outcomes({ batch }: { batch: Batch }): ReactElement {
  return (
    <Numbers>
      {OUTCOMES.filter((o) => o === "payable" || o === "unpayable" || batch.rows[o] > 0).map(
        (o) => (
          <BigNumber
            key={o}
            tone={batch.rows[o] > 0 ? ROW[o].tone : "neutral"}
            label={<T id={`outcome.${o}`} />}
            value={<Money cents={batch.amount_cents[o]} />}
            below={
              <RowsLink batch={batch} search={{ status: o }}>
                <T id="rows.count" values={{ n: batch.rows[o] }} />
              </RowsLink>
            }
          />
        ),
      )}
      <BigNumber
        label={<T id="outcome.total" />}
        value={<Money cents={batch.amount_cents.total} />}
        below={
          <RowsLink batch={batch} search={{}}>
            <T id="rows.count" values={{ n: batch.rows.total }} />
          </RowsLink>
        }
      />
    </Numbers>
  );
}

function Payments({ batch }: { batch: Batch }): ReactElement {
  const text = useText();
  const rows = STATES.filter((state) => batch.payments[state] > 0);
  return (
    <Card title={<T id="overview.payments" />}>
      <ListTable
        label={text("overview.payments")}
        id={(state) => state}
        rows={rows}
        foot={[
          <T key="t" id="total" />,
          <Count key="c" of={batch.payments.total} />,
          <Money key="m" cents={batch.payment_amount_cents.total} />,
        ]}
        columns={[
          {
            key: "state",
            head: <T id="column.status" />,
            cell: (state) => <T id={`state.payment.${state}`} />,
          },
          {
            key: "n",
            head: <T id="column.payments" />,
            right: true,
            cell: (state) => (
              <Link
                to="/batches/$batchId/payments"
                params={{ batchId: batch.batch_id }}
                search={{ status: state }}
              >
                <Count of={batch.payments[state]} />
              </Link>
            ),
          },
          {
            key: "cents",
            head: <T id="column.amount" />,
            right: true,
            cell: (state) => <Money cents={batch.payment_amount_cents[state]} />,
          },
        ]}
      />
    </Card>
  );
}

function Sources({ batch }: { batch: Batch }): ReactElement {
  const text = useText();
  return (
    <Card title={<T id="overview.sources" />}>
      {batch.sources.length === 0 ? (
        <Empty>
          <T id="overview.none-yet" />
        </Empty>
      ) : (
        <ListTable
          label={text("overview.sources")}
          id={(s) => s.source_account_id}
          rows={batch.sources}
          foot={[
            <T key="t" id="total" />,
            "",
            <Count key="r" of={batch.sources.reduce((n, s) => n + s.rows, 0)} />,
            <Money key="m" cents={batch.sources.reduce((n, s) => n + s.amount_cents, 0)} />,
          ]}
          columns={[
            {
              key: "name",
              head: <T id="column.source" />,
              wide: true,
              cell: (s) => (
                <>
                  {s.payor_name || <T id="source.unreadable" />}{" "}
                  {s.account_last4 && <>****{s.account_last4}</>}
                </>
              ),
            },
            {
              key: "id",
              head: <T id="column.id" />,
              cell: (s) => <ShortId id={s.source_account_id} />,
            },
            {
              key: "rows",
              head: <T id="column.rows" />,
              right: true,
              cell: (s) =>
                s.source_account_id ? (
                  <RowsLink batch={batch} search={{ source: s.source_account_id }}>
                    <Count of={s.rows} />
                  </RowsLink>
                ) : (
                  <Count of={s.rows} />
                ),
            },
            {
              key: "amount",
              head: <T id="column.amount" />,
              right: true,
              cell: (s) => <Money cents={s.amount_cents} />,
            },
          ]}
        />
      )}
      <p>
        <T id="overview.sources.count" />
      </p>
    </Card>
  );
}

function Branches({ batch }: { batch: Batch }): ReactElement {
  const text = useText();
  return (
    <Card title={<T id="overview.branches" values={{ n: batch.branches.length }} />}>
      {batch.branches.length === 0 ? (
        <Empty>
          <T id="overview.none-yet" />
        </Empty>
      ) : (
        <ListTable
          label={text("overview.branches", { n: batch.branches.length })}
          id={(b) => b.branch_id}
          rows={batch.branches}
          foot={[
            <T key="t" id="total" />,
            <Count key="r" of={batch.branches.reduce((n, b) => n + b.rows, 0)} />,
            <Money key="m" cents={batch.branches.reduce((n, b) => n + b.amount_cents, 0)} />,
          ]}
          columns={[
            {
              key: "id",
              head: <T id="column.branch" />,
              cell: (b) =>
                b.branch_id ? <ShortId id={b.branch_id} /> : <T id="branch.unreadable" />,
            },
            {
              key: "rows",
              head: <T id="column.rows" />,
              right: true,
              cell: (b) =>
                b.branch_id ? (
                  <RowsLink batch={batch} search={{ branch: b.branch_id }}>
                    <Count of={b.rows} />
                  </RowsLink>
                ) : (
                  <Count of={b.rows} />
                ),
            },
            {
              key: "amount",
              head: <T id="column.amount" />,
              right: true,
              cell: (b) => <Money cents={b.amount_cents} />,
            },
          ]}
        />
      )}
    </Card>
  );
}

function About({ batch }: { batch: Batch }): ReactElement {
  return (
    <Card title={<T id="overview.about" />}>
      <Facts
        of={[
          [
            "fact.uploaded",
            <>
              <When key="w" at={batch.uploaded_at} /> · {batch.uploaded_by}
            </>,
          ],
          [
            "fact.approved",
            batch.approved_by ? (
              <>
                <When key="w" at={batch.approved_at} /> · {batch.approved_by}
              </>
            ) : (
              <T key="n" id="fact.not-yet" />
            ),
          ],
          [
            "fact.digest",
            batch.digest ? (
              <Code key="d">{batch.digest}</Code>
            ) : (
              <T key="n" id="fact.digest.none" />
            ),
          ],
          [
            "fact.eta",
            batch.eta_s === null ? (
              <T key="n" id="fact.eta.none" />
            ) : (
              <>
                <Duration key="d" seconds={batch.eta_s} /> <T id="fact.eta.limit" />
              </>
            ),
          ],
          ...(batch.reason ? [["fact.reason", batch.reason] as const] : []),
          ...(batch.one_person
            ? [["fact.one-person", <T key="o" id="fact.one-person.yes" />] as const]
            : []),
        ]}
      />
    </Card>
  );
}
