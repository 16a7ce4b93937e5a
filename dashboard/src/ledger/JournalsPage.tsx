/** Journals with their entries. Each sums to zero; the page computes the sum from the entries. */
import { keepPreviousData } from "@tanstack/react-query";
import type { ReactElement } from "react";
import { type Journal, query } from "../api/client";
import { cursorOfPage } from "../api/paging";
import { T, useText } from "../i18n/i18n";
import { useAddress } from "../ui/address";
import { Card } from "../ui/Card";
import { Filters, OptionField } from "../ui/Filters";
import { DateTime, Money, ShortId } from "../ui/format";
import { Icon } from "../ui/icons";
import { Link } from "../ui/links";
import { type Column, ListTable } from "../ui/ListTable";
import { Empty } from "../ui/Loading";
import { sumCents } from "../ui/money";
import { Page } from "../ui/Page";
import { Pager } from "../ui/Pager";
import { pageNumber } from "../ui/paging";
import { QueryView } from "../ui/QueryView";
import { usePager } from "../ui/usePager";
import { Word } from "../ui/Word";
import { AccountName } from "./AccountName";
import { CorrectionList } from "./CorrectionList";

const SIZE = 50;
const KINDS = ["hold", "settle", "release", "reverse"] as const satisfies Journal["kind"][];

export default function JournalsPage(): ReactElement {
  const text = useText();
  return (
    <Page
      title={text("ledger.journals")}
      lead={<T id="journals.lead" />}
      actions={
        <Link to="/ledger">
          <T id="ledger.accounts" />
        </Link>
      }
    >
      <CorrectionList />
      <JournalList />
    </Page>
  );
}

function JournalList(): ReactElement {
  const [{ batch_id, payment_id, kind, page }, change] = useAddress();
  const text = useText();
  const cursor = cursorOfPage(pageNumber(page), SIZE);
  const journals = query.useQuery(
    "get",
    "/api/v1/ledger/journals",
    { params: { query: { limit: SIZE, cursor, batch_id, payment_id, kind } } },
    { placeholderData: keepPreviousData },
  );
  const pager = usePager(journals.data, SIZE);
  return (
    <Card>
      <Filters chips={["batch_id", "payment_id"]}>
        <OptionField
          label="column.kind"
          value={kind ?? ""}
          any="filter.any"
          options={KINDS}
          optionLabel={(one) => `journal.${one}`}
          onChange={(chosen) => change({ kind: chosen })}
        />
      </Filters>
      <QueryView query={journals}>
        {({ items }) =>
          items.length > 0 ? (
            <ListTable
              label={text("ledger.journals")}
              rows={items}
              rowId={(journal) => journal.journal_id}
              columns={COLUMNS}
            />
          ) : (
            <Empty>
              <T id="empty.filtered" />
            </Empty>
          )
        }
      </QueryView>
      <Pager {...pager} />
    </Card>
  );
}

const COLUMNS: readonly Column<Journal>[] = [
  { header: "column.time", cell: (journal) => <DateTime at={journal.posted_at} /> },
  { header: "column.kind", cell: (journal) => <Word prefix="journal" code={journal.kind} /> },
  {
    header: "column.amount",
    numeric: true,
    cell: (journal) => <Money cents={journal.amount_cents} />,
  },
  { header: "journals.entries", wide: true, cell: (journal) => <Entries journal={journal} /> },
  { header: "journals.sum", numeric: true, cell: (journal) => <EntrySum journal={journal} /> },
  {
    header: "column.payment",
    cell: ({ payment_id: paymentId }) => (
      <Link to="/payments/$paymentId" params={{ paymentId }}>
        <ShortId id={paymentId} />
      </Link>
    ),
  },
];

function Entries({ journal }: { journal: Journal }): ReactElement[] {
  return (journal.entries ?? []).map((entry) => (
    <div key={entry.n}>
      <AccountName account={entry.account} />{" "}
      <T id={entry.layer === "pending" ? "ledger.pending" : "ledger.posted"} />:{" "}
      <Money cents={entry.amount_cents} />
    </div>
  ));
}

function EntrySum({ journal }: { journal: Journal }): ReactElement {
  const sum = sumCents((journal.entries ?? []).map((entry) => entry.amount_cents));
  return (
    <>
      <Money cents={sum} /> <Icon name={sum === 0 ? "check" : "octagon"} />
    </>
  );
}
