import { keepPreviousData } from "@tanstack/react-query";
import type { ReactElement } from "react";
import { type Issue, query } from "../../../api/client";
import { cursorOfPage } from "../../../api/paging";
import { T, useApiText, useText } from "../../../i18n/i18n";
import { useAddress } from "../../../ui/address";
import { Code } from "../../../ui/format";
import { type Column, ListTable } from "../../../ui/ListTable";
import { Pager } from "../../../ui/Pager";
import { pageNumber } from "../../../ui/paging";
import { ProblemPanel } from "../../../ui/ProblemPanel";
import { usePager } from "../../../ui/usePager";
import { useBatch } from "../../BatchContext";
import { RowsLink } from "../../RowsLink";

const SIZE = 25;

/** The rows and fields of the file where one kind of issue was found. */
export function IssuePlaces({ code }: { code: string }): ReactElement {
  const { batch_id: batchId } = useBatch().batch;
  const [search] = useAddress();
  const text = useText();
  const issues = query.useQuery(
    "get",
    "/api/v1/batches/{batch_id}/issues",
    {
      params: {
        path: { batch_id: batchId },
        query: { code, limit: SIZE, cursor: cursorOfPage(pageNumber(search.page), SIZE) },
      },
    },
    { placeholderData: keepPreviousData },
  );
  const pager = usePager(issues.data, SIZE);
  return (
    <section aria-label={text("issues.places", { code })}>
      <h3>
        <T id="issues.places" values={{ code }} />
      </h3>
      {issues.error && <ProblemPanel error={issues.error} retry={() => void issues.refetch()} />}
      <ListTable
        label={text("issues.places", { code })}
        rows={issues.data?.items ?? []}
        rowId={(issue) => `${issue.file_row}|${issue.field}|${issue.value}`}
        columns={columnsOf(batchId)}
      />
      <Pager {...pager} />
    </section>
  );
}

function columnsOf(batchId: string): Column<Issue>[] {
  return [
    {
      header: "column.row",
      numeric: true,
      cell: ({ file_row: row }) =>
        row === null ? (
          "—"
        ) : (
          <RowsLink batchId={batchId} search={{ q: String(row) }}>
            {row}
          </RowsLink>
        ),
    },
    { header: "column.line", numeric: true, cell: (issue) => issue.line ?? "—" },
    { header: "column.field", cell: (issue) => issue.field },
    {
      header: "column.value",
      wide: true,
      cell: (issue) => (issue.value ? <Value text={issue.value} /> : "—"),
    },
  ];
}

/** What stands there; where the services wrote it, in the person's language. */
function Value({ text }: { text: string }): ReactElement {
  const apiText = useApiText();
  return <Code>{apiText(text, "values")}</Code>;
}
