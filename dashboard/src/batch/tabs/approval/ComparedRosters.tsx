import type { ReactElement } from "react";
import { useBatchQuery } from "../../../api/batchQuery";
import { type Batch, query } from "../../../api/client";
import { type MessageId, T, useLanguage, useText } from "../../../i18n/i18n";
import { Card } from "../../../ui/Card";
import { Count, Money } from "../../../ui/format";
import { Link } from "../../../ui/links";
import { type Column, ListTable } from "../../../ui/ListTable";
import { QueryView } from "../../../ui/QueryView";
import { useBatch } from "../../BatchContext";
import { ComparedWith } from "../../ComparedWith";
import { CHANGE_KINDS } from "../../changeKinds";
import { percentChange } from "./unusualChanges";

/** What is approved, beside the roster that was approved before it. */
export function ComparedRosters(): ReactElement {
  const { batch } = useBatch();
  const changes = query.useQuery("get", "/api/v1/batches/{batch_id}/changes", {
    params: { path: { batch_id: batch.batch_id }, query: { limit: 1 } },
  });
  return (
    <Card title={<T id="compared.title" />}>
      <QueryView query={changes}>
        {({ against, counts }) =>
          against === null ? (
            <p>
              <T id="changes.no-previous" />
            </p>
          ) : (
            <>
              <ComparedWith
                batchId={against}
                same={CHANGE_KINDS.every((kind) => counts[kind] === 0)}
              />
              <Totals before={against} />
              <ul>
                {CHANGE_KINDS.filter((kind) => counts[kind] > 0).map((kind) => (
                  <li key={kind}>
                    <Link
                      to="/batches/$batchId/changes"
                      params={{ batchId: batch.batch_id }}
                      search={{ kind }}
                    >
                      <T id={`change.${kind}`} />: <Count value={counts[kind]} />
                    </Link>
                  </li>
                ))}
              </ul>
            </>
          )
        }
      </QueryView>
    </Card>
  );
}

type Figure = { label: MessageId; money: boolean; of: (batch: Batch) => number };

const FIGURES: readonly Figure[] = [
  { label: "compared.payable", money: true, of: (batch) => batch.amount_cents.payable },
  { label: "compared.file", money: true, of: (batch) => batch.amount_cents.total },
  { label: "compared.rows", money: false, of: (batch) => batch.rows.total },
  { label: "compared.sources", money: false, of: (batch) => batch.sources.length },
  { label: "compared.branches", money: false, of: (batch) => batch.branches.length },
];

/** Both rosters' figures side by side, with the difference in per cent. */
function Totals({ before: beforeId }: { before: string }): ReactElement | null {
  const { batch: after } = useBatch();
  const { data: before } = useBatchQuery(beforeId);
  const text = useText();
  if (!before) return null;
  const show = ({ money, of }: Figure, batch: Batch) =>
    money ? <Money cents={of(batch)} /> : <Count value={of(batch)} />;
  const columns: Column<Figure>[] = [
    { header: "compared.figure", cell: ({ label }) => <T id={label} /> },
    { header: "changes.before", numeric: true, cell: (figure) => show(figure, before) },
    { header: "changes.after", numeric: true, cell: (figure) => show(figure, after) },
    {
      header: "compared.percent",
      numeric: true,
      cell: ({ of }) => <Percent value={percentChange(of(before), of(after))} />,
    },
  ];
  return (
    <ListTable
      label={text("compared.title")}
      rows={FIGURES}
      rowId={(figure) => figure.label}
      columns={columns}
    />
  );
}

function Percent({ value }: { value: number | null }): ReactElement {
  const { locale } = useLanguage();
  if (value === null) return <>—</>;
  const format = new Intl.NumberFormat(locale, { signDisplay: "exceptZero" });
  return <>{`${format.format(value)} %`}</>;
}
