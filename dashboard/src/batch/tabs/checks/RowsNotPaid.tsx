import { lazy, type ReactElement, Suspense } from "react";
import { hasRole } from "../../../api/session";
import { useSignedIn } from "../../../api/signedIn";
import { NEVER_APPROVED } from "../../../api/statuses";
import { ApiText } from "../../../i18n/ApiText";
import { T, useText } from "../../../i18n/i18n";
import { Card } from "../../../ui/Card";
import { Code, Count, Money } from "../../../ui/format";
import { ButtonRow, MutedText } from "../../../ui/layout";
import { type Column, ListTable } from "../../../ui/ListTable";
import { QueryView } from "../../../ui/QueryView";
import { useBatch } from "../../BatchContext";
import { NewBatchFromRows } from "../../NewBatchFromRows";
import { PartlyReadNotice } from "../../PartlyReadNotice";
import { RefusedRowsFile } from "../../RefusedRowsFile";
import { RowsLink } from "../../RowsLink";
import { type Group, groupSearch, useGroupedRows } from "../../useGroupedRows";

const AskProviderAgain = lazy(() => import("../../AskProviderAgain"));

/** Outcomes of rows that are not paid. */
export const NOT_PAID = ["unpayable", "refused", "excluded"] as const;
type NotPaid = (typeof NOT_PAID)[number];

/** What can be done about the rows of an outcome, beyond looking at them. */
const ACTIONS: Partial<Record<NotPaid, ReactElement>> = {
  unpayable: <TryAgain />,
  refused: <RefusedRowsFile />,
};

/** The rows of one outcome, grouped by reason. */
export function RowsNotPaid({ status }: { status: NotPaid }): ReactElement {
  const { batch } = useBatch();
  const text = useText();
  const grouped = useGroupedRows(batch, status);
  return (
    <Card
      title={
        <T
          id={`checks.${status}`}
          values={{ n: batch.rows[status], money: <Money cents={batch.amount_cents[status]} /> }}
        />
      }
      actions={ACTIONS[status]}
    >
      <p>
        <T id={`checks.${status}.means`} />
      </p>
      <QueryView query={grouped}>
        {(data) => (
          <>
            <PartlyReadNotice grouped={data} />
            <ListTable
              label={text(`checks.${status}.table`)}
              rows={data.groups}
              rowId={(group) => group.key}
              columns={columnsOf(batch.batch_id)}
            />
          </>
        )}
      </QueryView>
    </Card>
  );
}

/**
 * Before the approval: ask the provider again. Afterwards, for a preparer: take the rows that were
 * not payable into a new batch.
 */
function TryAgain(): ReactElement | null {
  const { batch, reload } = useBatch();
  const { me } = useSignedIn();
  if (batch.status === "ready" && hasRole(me, "preparer", "approver"))
    return (
      <Suspense>
        <AskProviderAgain batchId={batch.batch_id} onRetried={() => void reload()} />
      </Suspense>
    );
  if (NEVER_APPROVED.has(batch.status) || !hasRole(me, "preparer")) return null;
  return (
    <NewBatchFromRows
      filter="unpayable"
      count={batch.rows.unpayable}
      cents={batch.amount_cents.unpayable}
    />
  );
}

function columnsOf(batchId: string): Column<Group>[] {
  return [
    {
      header: "column.reason",
      wide: true,
      cell: (group) => (
        <>
          {group.reason ? <ApiText text={group.reason} kind="reasons" code={group.code} /> : "—"}{" "}
          <MutedText>
            <Code>{group.code}</Code>
          </MutedText>
        </>
      ),
    },
    {
      header: "column.rows",
      numeric: true,
      cell: (group) => (
        <RowsLink batchId={batchId} search={groupSearch(group)}>
          <Count value={group.count} />
        </RowsLink>
      ),
    },
    { header: "column.amount", numeric: true, cell: (group) => <Money cents={group.cents} /> },
    {
      header: "column.institution",
      wide: true,
      cell: (group) => <Institutions group={group} batchId={batchId} />,
    },
  ];
}

const INSTITUTIONS_MAX = 5;

/** The institutions with the most rows of a group. */
function Institutions({ group, batchId }: { group: Group; batchId: string }): ReactElement {
  const search = groupSearch(group);
  const byCount = [...group.institutions].toSorted((a, b) => b[1] - a[1]);
  const more = byCount.length - INSTITUTIONS_MAX;
  return (
    <ButtonRow>
      {byCount.slice(0, INSTITUTIONS_MAX).map(([institution, n]) => (
        <RowsLink
          key={institution}
          batchId={batchId}
          search={institution ? { ...search, institution } : search}
        >
          {institution || "—"} ({n})
        </RowsLink>
      ))}
      {more > 0 && (
        <RowsLink batchId={batchId} search={search}>
          <T id="checks.more" values={{ n: more }} />
        </RowsLink>
      )}
    </ButtonRow>
  );
}
