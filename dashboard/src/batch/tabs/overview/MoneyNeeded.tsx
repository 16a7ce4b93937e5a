/** What the batch needs from each source account, against what a person said is there. */
import { useQueryClient } from "@tanstack/react-query";
import type { ReactElement } from "react";
import { query, type SourceMoney } from "../../../api/client";
import { Problem } from "../../../api/problem";
import { hasRole } from "../../../api/session";
import { useSignedIn } from "../../../api/signedIn";
import { T, useText } from "../../../i18n/i18n";
import { Card } from "../../../ui/Card";
import { DateTime, Money } from "../../../ui/format";
import { NamedId } from "../../../ui/NamedId";
import { type Column, ListTable } from "../../../ui/ListTable";
import { Notice } from "../../../ui/Notice";
import { QueryView } from "../../../ui/QueryView";
import { SayAvailable } from "./SayAvailable";

const PATH = "/api/v1/batches/{batch_id}/money";

export default function MoneyNeeded({ batchId }: { batchId: string }): ReactElement | null {
  const { me } = useSignedIn();
  const text = useText();
  const queries = useQueryClient();
  const money = query.useQuery("get", PATH, { params: { path: { batch_id: batchId } } });
  // A new batch reaches the ledger within seconds; the query is repeated by itself.
  if (money.error instanceof Problem && money.error.status === 404) return null;
  return (
    <Card title={<T id="money-needed.title" />}>
      <p>
        <T id="money-needed.means" />
      </p>
      <QueryView query={money}>
        {({ sources, is_short: isShort }) => (
          <>
            {isShort && (
              <Notice tone="error" live>
                <T
                  id="money-needed.short"
                  values={{ n: sources.filter((source) => source.is_short).length }}
                />
              </Notice>
            )}
            <ListTable
              label={text("money-needed.title")}
              rows={sources}
              rowId={(source) => source.source_account_id}
              columns={COLUMNS}
            />
            {hasRole(me, "preparer", "approver") && sources.length > 0 && (
              <SayAvailable
                sources={sources.map((source) => source.source_account_id)}
                onSaid={() => void queries.invalidateQueries({ queryKey: ["get", PATH] })}
              />
            )}
          </>
        )}
      </QueryView>
    </Card>
  );
}

const COLUMNS: readonly Column<SourceMoney>[] = [
  {
    header: "column.source",
    cell: (source) => <NamedId kind="source" id={source.source_account_id} />,
  },
  {
    header: "money-needed.needed",
    numeric: true,
    cell: (source) => <Money cents={source.needed_cents} />,
  },
  {
    header: "money-needed.reserved",
    numeric: true,
    cell: (source) => <Money cents={source.reserved_cents} />,
  },
  { header: "money-needed.available", numeric: true, cell: (one) => <Said source={one} /> },
  { header: "money-needed.after", numeric: true, cell: (one) => <After source={one} /> },
];

/** The balance, who said it, and of when it is. */
function Said({ source }: { source: SourceMoney }): ReactElement {
  const { available_cents: cents, left_cents: left, as_of, said_by } = source;
  if (cents === null) return <T id="money-needed.unknown" />;
  return (
    <>
      <Money cents={cents} />
      <br />
      <DateTime at={as_of} /> · {said_by}
      {left !== null && left !== 0 && (
        <>
          <br />
          <T id="money-needed.left" /> <Money cents={left} />
        </>
      )}
    </>
  );
}

/** What is left after all of it: in red and in words where it is too little. */
function After({ source }: { source: SourceMoney }): ReactElement {
  const { after_cents: cents, is_short: isShort } = source;
  if (cents === null) return <T id="money-needed.unknown" />;
  return (
    <span style={isShort ? { color: "var(--mui-palette-error-main)", fontWeight: 650 } : undefined}>
      <Money cents={cents} />
      {isShort && (
        <>
          {" "}
          <T id="money-needed.too-little" />
        </>
      )}
    </span>
  );
}
