/** What was found in the file: errors that keep a row out, and warnings that do not; each opens its places. */
import { keepPreviousData } from "@tanstack/react-query";
import type { ReactElement } from "react";
import { query } from "../api/client";
import { cursorOf, pageOf, pagesOf } from "../api/paging";
import { T, useText } from "../i18n/i18n";
import { useAddress } from "../ui/address";
import { Code, Count } from "../ui/figures";
import { Icon } from "../ui/icons";
import { Link } from "../ui/links";
import { Card, Empty } from "../ui/page";
import { Pager } from "../ui/Pager";
import { ProblemPanel } from "../ui/ProblemPanel";
import { ListTable } from "../ui/table";
import { useBatch } from "./useBatch";

const SIZE = 25;

export function Issues(): ReactElement {
  const { batch } = useBatch();
  const [search] = useAddress();
  const text = useText();
  return (
    <Card title={<T id="issues.title" />}>
      <p>
        <T id="issues.means" />
      </p>
      {batch.issues.length === 0 ? (
        <Empty>
          <T id="issues.none" />
        </Empty>
      ) : (
        <ListTable
          label={text("issues.title")}
          rows={batch.issues}
          id={(issue) => `${issue.code}|${issue.outcome}`}
          columns={[
            {
              key: "kind",
              head: <T id="column.kind" />,
              cell: (issue) => (
                <>
                  <Icon name={issue.outcome === "warning" ? "triangle" : "octagon"} />{" "}
                  <T id={`issue.${issue.outcome}`} />
                </>
              ),
            },
            {
              key: "what",
              head: <T id="column.what" />,
              wide: true,
              cell: (issue) => issue.message,
            },
            {
              key: "n",
              head: <T id="column.places" />,
              right: true,
              cell: (issue) => (
                <Link
                  to="/batches/$batchId/checks"
                  params={{ batchId: batch.batch_id }}
                  search={{ code: issue.code }}
                  resetScroll={false}
                >
                  <Count of={issue.count} />
                </Link>
              ),
            },
            {
              key: "code",
              head: <T id="column.code" />,
              cell: (issue) => <Code>{issue.code}</Code>,
            },
          ]}
        />
      )}
      {search.code && <Places code={search.code} />}
    </Card>
  );
}

function Places({ code }: { code: string }): ReactElement {
  const { batch } = useBatch();
  const [search, change] = useAddress();
  const text = useText();
  const page = pageOf(search.page);
  const found = query.useQuery(
    "get",
    "/api/v1/batches/{batch_id}/issues",
    {
      params: {
        path: { batch_id: batch.batch_id },
        query: { code, limit: SIZE, cursor: cursorOf(page, SIZE) },
      },
    },
    { placeholderData: keepPreviousData },
  );
  const rows = found.data?.items ?? [];
  const total = found.data?.total ?? 0;
  const go = (to: number) => () => change({ page: to === 1 ? "" : String(to) });
  return (
    <section aria-label={text("issues.places", { code })}>
      <h3>
        <T id="issues.places" values={{ code }} />
      </h3>
      {found.error && <ProblemPanel error={found.error} retry={() => void found.refetch()} />}
      <ListTable
        label={text("issues.places", { code })}
        rows={rows}
        id={(issue) => `${issue.file_row}|${issue.field}|${issue.value}`}
        columns={[
          {
            key: "row",
            head: <T id="column.row" />,
            right: true,
            cell: (issue) =>
              issue.file_row === null ? (
                "—"
              ) : (
                <Link
                  to="/batches/$batchId/rows"
                  params={{ batchId: batch.batch_id }}
                  search={{ q: String(issue.file_row) }}
                >
                  {issue.file_row}
                </Link>
              ),
          },
          {
            key: "line",
            head: <T id="column.line" />,
            right: true,
            cell: (issue) => issue.line ?? "—",
          },
          { key: "field", head: <T id="column.field" />, cell: (issue) => issue.field },
          {
            key: "value",
            head: <T id="column.value" />,
            wide: true,
            cell: (issue) => (issue.value ? <Code>{issue.value}</Code> : "—"),
          },
        ]}
      />
      <Pager
        page={page}
        size={SIZE}
        total={total}
        shown={rows.length}
        toFirst={go(1)}
        toPrevious={page > 1 ? go(page - 1) : undefined}
        toNext={found.data?.next ? go(page + 1) : undefined}
        toLast={go(pagesOf(total, SIZE))}
      />
    </section>
  );
}
