import type { ReactElement } from "react";
import type { Batch } from "../../../api/client";
import { T, useText } from "../../../i18n/i18n";
import { Card } from "../../../ui/Card";
import { Count, Money } from "../../../ui/format";
import { NamedId } from "../../../ui/NamedId";
import { type Column, ListTable } from "../../../ui/ListTable";
import { Empty } from "../../../ui/Loading";
import { sumCents } from "../../../ui/money";
import { RowsLink } from "../../RowsLink";

type Source = Batch["sources"][number];

/** The rows of the file by source account, payable or not. */
export function SourceTotals({ batch }: { batch: Batch }): ReactElement {
  return (
    <Card title={<T id="overview.sources" />}>
      {batch.sources.length === 0 ? (
        <Empty>
          <T id="overview.none-yet" />
        </Empty>
      ) : (
        <SourceTable batch={batch} />
      )}
      <p>
        <T id="overview.sources.count" />
      </p>
    </Card>
  );
}

function SourceTable({ batch }: { batch: Batch }): ReactElement {
  const { sources } = batch;
  const text = useText();
  return (
    <ListTable
      label={text("overview.sources")}
      columns={columnsOf(batch.batch_id)}
      rows={sources}
      rowId={(source) => source.source_account_id}
      footer={[
        <T key="total" id="total" />,
        "",
        <Count key="rows" value={sources.reduce((rows, source) => rows + source.rows, 0)} />,
        <Money key="money" cents={sumCents(sources.map((source) => source.amount_cents))} />,
      ]}
    />
  );
}

function columnsOf(batchId: string): Column<Source>[] {
  return [
    {
      header: "column.source",
      wide: true,
      cell: ({ payor_name: name, account_last4: last4 }) => (
        <>
          {name || <T id="source.unreadable" />} {last4 && <>****{last4}</>}
        </>
      ),
    },
    {
      header: "column.id",
      cell: (source) => <NamedId kind="source" id={source.source_account_id} />,
    },
    {
      header: "column.rows",
      numeric: true,
      cell: ({ source_account_id: source, rows }) =>
        source ? (
          <RowsLink batchId={batchId} search={{ source }}>
            <Count value={rows} />
          </RowsLink>
        ) : (
          <Count value={rows} />
        ),
    },
    {
      header: "column.amount",
      numeric: true,
      cell: (source) => <Money cents={source.amount_cents} />,
    },
  ];
}
