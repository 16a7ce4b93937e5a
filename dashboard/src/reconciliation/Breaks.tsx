import { keepPreviousData } from "@tanstack/react-query";
import type { ReactElement } from "react";
import { type Break, query } from "../api/client";
import { cursorOfPage } from "../api/paging";
import { T, useText } from "../i18n/i18n";
import { useAddress } from "../ui/address";
import { Card } from "../ui/Card";
import { Filters, OptionField } from "../ui/Filters";
import { Duration, Money, ShortId } from "../ui/format";
import { Link } from "../ui/links";
import { type Column, ListTable } from "../ui/ListTable";
import { Empty } from "../ui/Loading";
import { Notice } from "../ui/Notice";
import { Pager } from "../ui/Pager";
import { pageNumber } from "../ui/paging";
import { QueryView } from "../ui/QueryView";
import type { Search } from "../ui/search";
import { usePager } from "../ui/usePager";
import { Word } from "../ui/Word";
import { BreakExplanation } from "./BreakExplanation";

const SIZE = 25;
const REFRESH_MS = 15_000;
const STATUSES = ["open", "acknowledged", "closed"] as const satisfies Break["status"][];

/** The differences that comparisons found, open or closed. The field calls them breaks. */
export function Breaks(): ReactElement {
  const [search, change] = useAddress();
  const { batch_id, status, kind, page } = search;
  const text = useText();
  const cursor = cursorOfPage(pageNumber(page), SIZE);
  const breaks = query.useQuery(
    "get",
    "/api/v1/reconciliation/breaks",
    { params: { query: { limit: SIZE, cursor, batch_id, status, kind } } },
    { placeholderData: keepPreviousData, refetchInterval: REFRESH_MS },
  );
  const pager = usePager(breaks.data, SIZE);
  return (
    <Card title={<T id="reconciliation.breaks" />}>
      <OpenBreaks batchId={batch_id} />
      <Filters chips={["batch_id", "kind"]}>
        <OptionField
          label="filter.status"
          value={status ?? ""}
          any="filter.any"
          options={STATUSES}
          optionLabel={(one) => `break.${one}`}
          onChange={(chosen) => change({ status: chosen })}
        />
      </Filters>
      <QueryView query={breaks}>
        {({ items }) =>
          items.length > 0 ? (
            <ListTable
              label={text("reconciliation.breaks")}
              rows={items}
              rowId={(one) => one.break_id}
              columns={columnsOf(search)}
            />
          ) : (
            <Empty>
              <T
                id={batch_id || status || kind ? "empty.filtered" : "reconciliation.breaks.none"}
              />
            </Empty>
          )
        }
      </QueryView>
      <Pager {...pager} />
    </Card>
  );
}

/** How many differences are open, whatever the filters show. */
function OpenBreaks({ batchId }: { batchId: string | undefined }): ReactElement | null {
  const { data } = query.useQuery(
    "get",
    "/api/v1/reconciliation/breaks",
    { params: { query: { limit: 1, batch_id: batchId, status: "open" } } },
    { refetchInterval: REFRESH_MS },
  );
  if (!data) return null;
  return (
    <Notice tone={data.total === 0 ? "success" : "error"}>
      <T id="reconciliation.open" values={{ n: data.total }} />
    </Notice>
  );
}

function columnsOf(search: Search): Column<Break>[] {
  return [
    {
      header: "column.kind",
      cell: ({ kind }) => (
        <Link to="/reconciliation" search={{ ...search, kind }}>
          <Word prefix="break" code={kind} />
        </Link>
      ),
    },
    {
      header: "column.status",
      cell: (one) => <Word prefix="break" code={one.status} />,
    },
    { header: "reconciliation.expected", wide: true, cell: (one) => one.expected },
    { header: "reconciliation.found", wide: true, cell: (one) => one.found },
    { header: "explain.amount", numeric: true, cell: (one) => <Money cents={one.amount_cents} /> },
    { header: "explain.column", wide: true, cell: (one) => <BreakExplanation found={one} /> },
    { header: "reconciliation.age", cell: (one) => <Duration seconds={one.age_s} /> },
    {
      header: "column.payment",
      cell: ({ payment_id: paymentId }) =>
        paymentId ? (
          <Link to="/payments/$paymentId" params={{ paymentId }}>
            <ShortId id={paymentId} />
          </Link>
        ) : (
          "—"
        ),
    },
    {
      header: "column.batch",
      cell: ({ batch_id: batchId }) => (
        <Link to="/batches/$batchId" params={{ batchId }}>
          <ShortId id={batchId} />
        </Link>
      ),
    },
  ];
}
