/** Journals with their entries; each sums to zero, and the page says so from the entries themselves. */
import { keepPreviousData } from "@tanstack/react-query";
import type { ReactElement } from "react";
import { query } from "../api/client";
import { cursorOf, pageOf } from "../api/paging";
import { isId, T, useText } from "../i18n/i18n";
import { useAddress } from "../ui/address";
import { Money, ShortId, When } from "../ui/figures";
import { Choice, Field, Filters } from "../ui/Filters";
import { Icon } from "../ui/icons";
import { Link } from "../ui/links";
import { sumCents } from "../ui/money";
import { Card, Empty, Loading, Page } from "../ui/page";
import { Pager } from "../ui/Pager";
import { ProblemPanel } from "../ui/ProblemPanel";
import { ListTable } from "../ui/table";
import { usePaged } from "../ui/usePaged";
import { AccountName } from "./AccountsPage";

const SIZE = 50;
const KINDS = ["hold", "settle", "release", "reverse"] as const;

export default function JournalsPage(): ReactElement {
  const [search, change] = useAddress();
  const text = useText();
  const { batch_id, payment_id, kind } = search;
  const found = query.useQuery(
    "get",
    "/api/v1/ledger/journals",
    {
      params: {
        query: {
          limit: SIZE,
          cursor: cursorOf(pageOf(search.page), SIZE),
          batch_id,
          payment_id,
          kind,
        },
      },
    },
    { placeholderData: keepPreviousData },
  );
  const rows = found.data?.items ?? [];
  const paged = usePaged(found.data?.total ?? 0, rows.length, found.data?.next, SIZE);
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
      <Card>
        <Filters shown={["batch_id", "payment_id"]}>
          <Field>
            <T id="column.kind" />
            <Choice value={kind ?? ""} onChange={(event) => change({ kind: event.target.value })}>
              <option value="">{text("filter.any")}</option>
              {KINDS.map((one) => (
                <option key={one} value={one}>
                  {text(`journal.${one}`)}
                </option>
              ))}
            </Choice>
          </Field>
        </Filters>
        {found.error && <ProblemPanel error={found.error} retry={() => void found.refetch()} />}
        {found.isPending && <Loading />}
        {found.data && rows.length === 0 && (
          <Empty>
            <T id="empty.filtered" />
          </Empty>
        )}
        {rows.length > 0 && (
          <ListTable
            label={text("ledger.journals")}
            rows={rows}
            id={(row) => row.journal_id}
            columns={[
              {
                key: "at",
                head: <T id="column.time" />,
                cell: (row) => <When at={row.posted_at} />,
              },
              {
                key: "kind",
                head: <T id="column.kind" />,
                cell: (row) => {
                  const id = `journal.${row.kind}`;
                  return isId(id) ? <T id={id} /> : row.kind;
                },
              },
              {
                key: "amount",
                head: <T id="column.amount" />,
                right: true,
                cell: (row) => <Money cents={row.amount_cents} />,
              },
              {
                key: "entries",
                head: <T id="journals.entries" />,
                wide: true,
                cell: (row) =>
                  (row.entries ?? []).map((entry) => (
                    <div key={entry.n}>
                      <AccountName account={entry.account} />{" "}
                      <T id={entry.layer === "pending" ? "ledger.pending" : "ledger.posted"} />:{" "}
                      <Money cents={entry.amount_cents} />
                    </div>
                  )),
              },
              {
                key: "sum",
                head: <T id="journals.sum" />,
                right: true,
                cell: (row) => {
                  const sum = sumCents((row.entries ?? []).map((entry) => entry.amount_cents));
                  return (
                    <>
                      <Money cents={sum} /> <Icon name={sum === 0 ? "check" : "octagon"} />
                    </>
                  );
                },
              },
              {
                key: "payment",
                head: <T id="column.payment" />,
                cell: (row) => (
                  <Link to="/payments/$paymentId" params={{ paymentId: row.payment_id }}>
                    <ShortId id={row.payment_id} />
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
