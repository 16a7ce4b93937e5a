/** What is other than in the roster approved before: who is new, whose loan, source account, amount or branch changed, who is gone. */
import { keepPreviousData } from "@tanstack/react-query";
import type { ReactElement } from "react";
import { type ChangeCounts, type ChangeSide, query, type RosterChange } from "../api/client";
import { cursorOf, pageOf } from "../api/paging";
import { T, useText } from "../i18n/i18n";
import { useAddress } from "../ui/address";
import { Count, Day, Money, ShortId } from "../ui/figures";
import { Choice, Field, Filters } from "../ui/Filters";
import { Link } from "../ui/links";
import { Card, Empty, Loading, Notice } from "../ui/page";
import { Pager } from "../ui/Pager";
import { ProblemPanel } from "../ui/ProblemPanel";
import { ListTable } from "../ui/table";
import { usePaged } from "../ui/usePaged";
import { useBatch, useBatchQuery } from "./useBatch";

/** In the API's order: what may send money to a stranger first. */
const KINDS = [
  "new_person",
  "loan",
  "source",
  "amount",
  "branch",
  "gone_person",
] as const satisfies readonly RosterChange["kind"][];
const SORTS = ["position", "-swing_cents", "employee_id"] as const;
const SIZE = 50;

export default function ChangesTab(): ReactElement {
  const { batch } = useBatch();
  const [search] = useAddress();
  const kind = KINDS.find((one) => one === search.kind);
  const { q, sort } = search;
  const found = query.useQuery(
    "get",
    "/api/v1/batches/{batch_id}/changes",
    {
      params: {
        path: { batch_id: batch.batch_id },
        query: { limit: SIZE, cursor: cursorOf(pageOf(search.page), SIZE), kind, q, sort },
      },
    },
    { placeholderData: keepPreviousData },
  );
  if (found.error) return <ProblemPanel error={found.error} retry={() => void found.refetch()} />;
  if (!found.data) return <Loading />;
  const { against, counts, items, total, next } = found.data;
  if (against === null)
    return (
      <Notice tone="neutral">
        <T id="changes.nothing-before" />
      </Notice>
    );
  const all = KINDS.reduce((sum, one) => sum + counts[one], 0);
  return (
    <>
      <Against batchId={against} all={all} />
      {all > 0 && <Kinds counts={counts} all={all} />}
      {all > 0 && <Listed items={items} total={total} next={next} busy={found.isFetching} />}
    </>
  );
}

function Against({ batchId, all }: { batchId: string; all: number }): ReactElement {
  const { data } = useBatchQuery(batchId);
  return (
    <Notice tone={all === 0 ? "success" : "info"}>
      <T id="changes.against" />{" "}
      <Link to="/batches/$batchId" params={{ batchId }}>
        {data?.filename ?? <ShortId id={batchId} />}
      </Link>
      {data && (
        <>
          {" "}
          · <T id="batch.period" values={{ day: <Day date={data.period} /> }} />
        </>
      )}{" "}
      (<ShortId id={batchId} />
      ). <T id={all === 0 ? "changes.none" : "changes.look"} />
    </Notice>
  );
}

function Kinds({ counts, all }: { counts: ChangeCounts; all: number }): ReactElement {
  const { batch } = useBatch();
  const text = useText();
  const params = { batchId: batch.batch_id };
  return (
    <Card title={<T id="changes.kinds" />}>
      <ListTable
        label={text("changes.kinds")}
        rows={KINDS}
        id={(one) => one}
        foot={[
          <T key="t" id="total" />,
          "",
          <Link key="n" to="/batches/$batchId/changes" params={params} search={{}}>
            <Count of={all} />
          </Link>,
        ]}
        columns={[
          { key: "kind", head: <T id="column.kind" />, cell: (one) => <T id={`change.${one}`} /> },
          {
            key: "means",
            head: <T id="column.means" />,
            wide: true,
            cell: (one) => <T id={`change.${one}.means`} />,
          },
          {
            key: "n",
            head: <T id="changes.n" />,
            right: true,
            cell: (one) =>
              counts[one] > 0 ? (
                <Link to="/batches/$batchId/changes" params={params} search={{ kind: one }}>
                  <Count of={counts[one]} />
                </Link>
              ) : (
                <Count of={0} />
              ),
          },
        ]}
      />
    </Card>
  );
}

type ListedProps = {
  items: readonly RosterChange[];
  total: number;
  next: string | null;
  busy: boolean;
};

function Listed({ items, total, next, busy }: ListedProps): ReactElement {
  const [search, change] = useAddress();
  const text = useText();
  const paged = usePaged(total, items.length, next, SIZE);
  return (
    <Card title={<T id="changes.title" />}>
      <Filters find="changes.find">
        <Field>
          <T id="column.kind" />
          <Choice
            value={search.kind ?? ""}
            onChange={(event) => change({ kind: event.target.value })}
          >
            <option value="">{text("filter.any")}</option>
            {KINDS.map((one) => (
              <option key={one} value={one}>
                {text(`change.${one}`)}
              </option>
            ))}
          </Choice>
        </Field>
        <Field>
          <T id="filter.sort" />
          <Choice
            value={search.sort ?? "position"}
            onChange={(event) => change({ sort: event.target.value })}
          >
            {SORTS.map((one) => (
              <option key={one} value={one}>
                {text(`changes.sort.${one}`)}
              </option>
            ))}
          </Choice>
        </Field>
      </Filters>
      {items.length === 0 ? (
        <Empty>
          <T id="empty.filtered" />
        </Empty>
      ) : (
        <div aria-busy={busy}>
          <ListTable
            label={text("changes.title")}
            rows={items}
            id={(one) => JSON.stringify([one.kind, one.employee_id, one.before, one.after])}
            columns={[
              {
                key: "kind",
                head: <T id="column.kind" />,
                cell: (one) => <T id={`change.${one.kind}`} />,
              },
              {
                key: "who",
                head: <T id="column.employee" />,
                wide: true,
                cell: (one) => (
                  <>
                    {one.first_name} {one.last_name} · <ShortId id={one.employee_id} />
                  </>
                ),
              },
              {
                key: "before",
                head: <T id="changes.before" />,
                cell: (one) => <Side of={one.before} />,
              },
              {
                key: "after",
                head: <T id="changes.after" />,
                cell: (one) => <Side of={one.after} />,
              },
              {
                key: "swing",
                head: <T id="changes.swing" />,
                right: true,
                cell: (one) => (
                  <Money cents={(one.after?.amount_cents ?? 0) - (one.before?.amount_cents ?? 0)} />
                ),
              },
            ]}
          />
        </div>
      )}
      <Pager {...paged} />
    </Card>
  );
}

/** One side of a comparison; what says nothing about this kind of change is not there. */
function Side({ of: side }: { of: ChangeSide | null }): ReactElement {
  if (!side) return <T id="changes.absent" />;
  return (
    <>
      <div>
        <Money cents={side.amount_cents} />
        {side.rows > 1 && (
          <>
            {" "}
            · <T id="rows.count" values={{ n: side.rows }} />
          </>
        )}
      </div>
      {side.loan_last4 && (
        <div>
          {side.institution_id} ****{side.loan_last4}
        </div>
      )}
      {side.sources.map((source) => (
        <Source key={source} of={source} />
      ))}
      {side.branch_ids.map((branch) => (
        <div key={branch}>
          <ShortId id={branch} />
        </div>
      ))}
    </>
  );
}

/** "CORP-… …1234": the account's id, short, and its last four digits. */
function Source({ of: source }: { of: string }): ReactElement {
  const [id = "", ...rest] = source.split(" ");
  return (
    <div>
      <ShortId id={id} /> {rest.join(" ")}
    </div>
  );
}
