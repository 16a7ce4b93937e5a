import type { ReactElement } from "react";
import { type CorrectingJournal, query } from "../api/client";
import { T, useText } from "../i18n/i18n";
import { useAddress } from "../ui/address";
import { Card } from "../ui/Card";
import { Code, DateTime, Money } from "../ui/format";
import { type Column, ListTable } from "../ui/ListTable";

const SHOWN_MAX = 25;

/** The newest correcting journals: money that moved outside of our payments. Nothing without any. */
export function CorrectionList(): ReactElement | null {
  const [{ batch_id }] = useAddress();
  const text = useText();
  const { data } = query.useQuery("get", "/api/v1/ledger/corrections", {
    params: { query: { limit: SHOWN_MAX, batch_id } },
  });
  if (!data || data.items.length === 0) return null;
  return (
    <Card title={<T id="corrections.title" values={{ n: data.total }} />}>
      <ListTable
        label={text("corrections.title", { n: data.total })}
        rows={data.items}
        rowId={(journal) => journal.journal_id}
        columns={COLUMNS}
      />
    </Card>
  );
}

const COLUMNS: readonly Column<CorrectingJournal>[] = [
  { header: "column.time", cell: (journal) => <DateTime at={journal.posted_at} /> },
  { header: "corrections.from", cell: (journal) => journal.from_account },
  { header: "corrections.to", cell: (journal) => journal.to_account },
  { header: "column.amount", numeric: true, cell: (one) => <Money cents={one.amount_cents} /> },
  {
    header: "corrections.payment",
    cell: (journal) => <Code>{journal.provider_payment_id}</Code>,
  },
  {
    header: "explain.column",
    wide: true,
    cell: ({ act, reason, proposed_by: first, confirmed_by: second }) => (
      <>
        <T id={`explain.${act}`} />: {reason} ({first}, {second})
      </>
    ),
  },
];
