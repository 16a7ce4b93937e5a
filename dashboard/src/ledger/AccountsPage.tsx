/**
 * The ledger's accounts: money reserved and money paid, for each source account and branch of a
 * batch.
 */
import { keepPreviousData } from "@tanstack/react-query";
import type { ReactElement } from "react";
import { type Account, query } from "../api/client";
import { cursorOfPage } from "../api/paging";
import { T, useText } from "../i18n/i18n";
import { useAddress } from "../ui/address";
import { Card } from "../ui/Card";
import { Filters } from "../ui/Filters";
import { Count, Money, ShortId } from "../ui/format";
import { Link } from "../ui/links";
import { type Column, ListTable } from "../ui/ListTable";
import { Empty } from "../ui/Loading";
import { Page } from "../ui/Page";
import { Pager } from "../ui/Pager";
import { pageNumber } from "../ui/paging";
import { QueryView } from "../ui/QueryView";
import { usePager } from "../ui/usePager";
import { AccountName } from "./AccountName";

const SIZE = 50;

export default function AccountsPage(): ReactElement {
  const [{ batch_id }] = useAddress();
  const text = useText();
  return (
    <Page
      title={text("nav.ledger")}
      lead={<T id="ledger.lead" />}
      actions={
        <Link to="/ledger/journals" search={batch_id ? { batch_id } : {}}>
          <T id="ledger.journals" />
        </Link>
      }
    >
      <AccountList />
    </Page>
  );
}

function AccountList(): ReactElement {
  const [{ q, batch_id, page }] = useAddress();
  const text = useText();
  const accounts = query.useQuery(
    "get",
    "/api/v1/ledger/accounts",
    {
      params: {
        query: { limit: SIZE, cursor: cursorOfPage(pageNumber(page), SIZE), q, batch_id },
      },
    },
    { placeholderData: keepPreviousData },
  );
  const pager = usePager(accounts.data, SIZE);
  return (
    <Card title={<T id="ledger.accounts" />}>
      <Filters find="ledger.find" chips={["batch_id"]} />
      <QueryView query={accounts}>
        {({ items }) =>
          items.length > 0 ? (
            <ListTable
              label={text("ledger.accounts")}
              rows={items}
              rowId={(account) => `${account.batch_id}|${account.account}`}
              columns={COLUMNS}
            />
          ) : (
            <Empty>
              <T id={q || batch_id ? "empty.filtered" : "ledger.none"} />
            </Empty>
          )
        }
      </QueryView>
      <Pager {...pager} />
    </Card>
  );
}

const COLUMNS: readonly Column<Account>[] = [
  { header: "column.account", cell: ({ account }) => <AccountName account={account} /> },
  {
    header: "column.batch",
    cell: ({ batch_id: batchId }) => (
      <Link to="/batches/$batchId" params={{ batchId }}>
        <ShortId id={batchId} />
      </Link>
    ),
  },
  {
    header: "ledger.pending",
    numeric: true,
    cell: (account) => <Money cents={account.pending_cents} />,
  },
  {
    header: "ledger.pending.rows",
    numeric: true,
    cell: (account) => <Count value={account.pending_rows} />,
  },
  {
    header: "ledger.posted",
    numeric: true,
    cell: (account) => <Money cents={account.posted_cents} />,
  },
  {
    header: "ledger.posted.rows",
    numeric: true,
    cell: (account) => <Count value={account.posted_rows} />,
  },
  {
    header: "ledger.journals",
    cell: ({ batch_id }) => (
      <Link to="/ledger/journals" search={{ batch_id }}>
        <T id="ledger.journals.of-batch" />
      </Link>
    ),
  },
];
