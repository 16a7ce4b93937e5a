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

type Branch = Batch["branches"][number];

/** The rows of the file by branch, payable or not. */
export function BranchTotals({ batch }: { batch: Batch }): ReactElement {
  const { branches } = batch;
  const text = useText();
  return (
    <Card title={<T id="overview.branches" values={{ n: branches.length }} />}>
      {branches.length === 0 ? (
        <Empty>
          <T id="overview.none-yet" />
        </Empty>
      ) : (
        <ListTable
          label={text("overview.branches", { n: branches.length })}
          columns={columnsOf(batch.batch_id)}
          rows={branches}
          rowId={(branch) => branch.branch_id}
          footer={[
            <T key="total" id="total" />,
            <Count key="rows" value={branches.reduce((rows, branch) => rows + branch.rows, 0)} />,
            <Money key="money" cents={sumCents(branches.map((branch) => branch.amount_cents))} />,
          ]}
        />
      )}
    </Card>
  );
}

function columnsOf(batchId: string): Column<Branch>[] {
  return [
    {
      header: "column.branch",
      cell: ({ branch_id: branch }) =>
        branch ? <NamedId kind="branch" id={branch} /> : <T id="branch.unreadable" />,
    },
    {
      header: "column.rows",
      numeric: true,
      cell: ({ branch_id: branch, rows }) =>
        branch ? (
          <RowsLink batchId={batchId} search={{ branch }}>
            <Count value={rows} />
          </RowsLink>
        ) : (
          <Count value={rows} />
        ),
    },
    {
      header: "column.amount",
      numeric: true,
      cell: (branch) => <Money cents={branch.amount_cents} />,
    },
  ];
}
