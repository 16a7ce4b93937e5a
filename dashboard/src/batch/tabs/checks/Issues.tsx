import type { ReactElement } from "react";
import type { IssueCount } from "../../../api/client";
import { ApiText } from "../../../i18n/ApiText";
import { T, useText } from "../../../i18n/i18n";
import { useAddress } from "../../../ui/address";
import { Card } from "../../../ui/Card";
import { Code, Count } from "../../../ui/format";
import { Icon } from "../../../ui/icons";
import { Link } from "../../../ui/links";
import { type Column, ListTable } from "../../../ui/ListTable";
import { Empty } from "../../../ui/Loading";
import { useBatch } from "../../BatchContext";
import { IssuePlaces } from "./IssuePlaces";

/** What the checks found: errors, which keep a row out, and warnings, which do not. */
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
          rowId={(issue) => `${issue.code}|${issue.outcome}`}
          columns={columnsOf(batch.batch_id)}
        />
      )}
      {search.code && <IssuePlaces code={search.code} />}
    </Card>
  );
}

function columnsOf(batchId: string): Column<IssueCount>[] {
  return [
    {
      header: "column.kind",
      cell: ({ outcome }) => (
        <>
          <Icon name={outcome === "warning" ? "triangle" : "octagon"} />{" "}
          <T id={`issue.${outcome}`} />
        </>
      ),
    },
    { header: "column.what", wide: true, cell: (issue) => <ApiText text={issue.message} /> },
    {
      header: "column.places",
      numeric: true,
      cell: (issue) => (
        <Link
          to="/batches/$batchId/checks"
          params={{ batchId }}
          search={{ code: issue.code }}
          resetScroll={false}
        >
          <Count value={issue.count} />
        </Link>
      ),
    },
    { header: "column.code", cell: (issue) => <Code>{issue.code}</Code> },
  ];
}
