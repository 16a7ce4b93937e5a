/** The ledger's accounts: money reserved and money posted, for each source account and branch of a batch. */
import { keepPreviousData } from "@tanstack/react-query";
import type { ReactElement } from "react";
import { query } from "../api/client";
import { cursorOf, pageOf } from "../api/paging";
import { T, useText } from "../i18n/i18n";
import { useAddress } from "../ui/address";
import { Count, Money, shortId, ShortId } from "../ui/figures";
import { Filters } from "../ui/Filters";
import { Link } from "../ui/links";
import { Card, Empty, Loading, Page } from "../ui/page";
import { Pager } from "../ui/Pager";
import { ProblemPanel } from "../ui/ProblemPanel";
import { ListTable } from "../ui/table";
import { usePaged } from "../ui/usePaged";

const SIZE = 50;

export default function AccountsPage(): ReactElement {
  const [search] = useAddress();
  const text = useText();
  const { q, batch_id } = search;
  const found = query.useQuery(
    "get",
    "/api/v1/ledger/accounts",
    {
      params: { query: { limit: SIZE, cursor: cursorOf(pageOf(search.page), SIZE), q, batch_id } },
    },
    { placeholderData: keepPreviousData },
  );
  const rows = found.data?.items ?? [];
  const paged = usePaged(found.data?.total ?? 0, rows.length, found.data?.next, SIZE);
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
      <Card title={<T id="ledger.accounts" />}>
        <Filters find="ledger.find" shown={["batch_id"]} />
        {found.error && <ProblemPanel error={found.error} retry={() => void found.refetch()} />}
        {found.isPending && <Loading />}
        {found.data && rows.length === 0 && (
          <Empty>
            <T id={q || batch_id ? "empty.filtered" : "ledger.none"} />
          </Empty>
        )}
        {rows.length > 0 && (
          <ListTable
            label={text("ledger.accounts")}
            rows={rows}
            id={(row) => `${row.batch_id}|${row.account}`}
            columns={[
              {
                key: "account",
                head: <T id="column.account" />,
                cell: (row) => <AccountName account={row.account} />,
              },
              {
                key: "batch",
                head: <T id="column.batch" />,
                cell: (row) => (
                  <Link to="/batches/$batchId" params={{ batchId: row.batch_id }}>
                    <ShortId id={row.batch_id} />
                  </Link>
                ),
              },
              {
                key: "pending",
                head: <T id="ledger.pending" />,
                right: true,
                cell: (row) => <Money cents={row.pending_cents} />,
              },
              {
                key: "prows",
                head: <T id="ledger.pending.rows" />,
                right: true,
                cell: (row) => <Count of={row.pending_rows} />,
              },
              {
                key: "posted",
                head: <T id="ledger.posted" />,
                right: true,
                cell: (row) => <Money cents={row.posted_cents} />,
              },
              {
                key: "rows",
                head: <T id="ledger.posted.rows" />,
                right: true,
                cell: (row) => <Count of={row.posted_rows} />,
              },
              {
                key: "journals",
                head: <T id="ledger.journals" />,
                cell: (row) => (
                  <Link to="/ledger/journals" search={{ batch_id: row.batch_id }}>
                    <T id="ledger.journals.of-batch" />
                  </Link>
                ),
              },
            ]}
          />
        )}
        <Pager {...paged} />
      </Card>
    </Page>
  );
}

/** `source:…` or `branch:…` in words. */
export function AccountName({ account }: { account: string }): ReactElement {
  const [side, id = ""] = account.split(":");
  return (
    <span title={account}>
      {side === "source" ? <T id="ledger.source" /> : <T id="ledger.branch" />}{" "}
      <code>{shortId(id)}</code>
    </span>
  );
}
