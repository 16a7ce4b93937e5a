import type { ReactElement } from "react";
import { query } from "../api/client";
import type { components } from "../api/gateway";
import { T, useText } from "../i18n/i18n";
import { Card } from "../ui/Card";
import { DateTime, Money, PlainDate } from "../ui/format";
import { Link } from "../ui/links";
import { type Column, ListTable } from "../ui/ListTable";
import { Empty } from "../ui/Loading";
import { NamedId } from "../ui/NamedId";
import { Notice } from "../ui/Notice";
import { QueryView } from "../ui/QueryView";

type Account = components["schemas"]["AccountMoney"];
const REFRESH_MS = 60_000;

/** What the current pay period takes from each source account, against what is there. */
export function AccountsCard(): ReactElement {
  const text = useText();
  const accounts = query.useQuery(
    "get",
    "/api/v1/home/accounts",
    {},
    { refetchInterval: REFRESH_MS },
  );
  return (
    <Card title={<T id="accounts.title" />}>
      <QueryView query={accounts}>
        {({ from_day: from, to_day: to, sources }) =>
          sources.length === 0 ? (
            <Empty>
              <T id="accounts.none" />
            </Empty>
          ) : (
            <>
              <p>
                <T
                  id="pay-day.period"
                  values={{ first: <PlainDate date={from} />, last: <PlainDate date={to} /> }}
                />
              </p>
              {sources.some((one) => one.is_short) && (
                <Notice tone="error" live>
                  <T
                    id="accounts.short"
                    values={{ n: sources.filter((one) => one.is_short).length }}
                  />
                </Notice>
              )}
              <ListTable
                label={text("accounts.title")}
                rows={sources}
                rowId={(one) => one.source_account_id}
                columns={COLUMNS}
              />
            </>
          )
        }
      </QueryView>
    </Card>
  );
}

const COLUMNS: readonly Column<Account>[] = [
  {
    header: "column.source",
    wide: true,
    cell: ({ source_account_id: id }) => (
      <Link to="/ledger" search={{ q: id }}>
        <NamedId kind="source" id={id} />
      </Link>
    ),
  },
  {
    header: "accounts.left",
    numeric: true,
    cell: (one) => <Money cents={one.period_left_cents} />,
  },
  {
    header: "accounts.approved",
    numeric: true,
    cell: (one) => <Money cents={one.reserved_cents} />,
  },
  { header: "accounts.waits", numeric: true, cell: (one) => <Money cents={one.needed_cents} /> },
  {
    header: "money-needed.available",
    numeric: true,
    cell: (one) =>
      one.available_cents === null ? (
        <T id="money-needed.unknown" />
      ) : (
        <>
          <Money cents={one.available_cents} />
          <br />
          <DateTime at={one.as_of} /> · {one.said_by}
        </>
      ),
  },
  {
    header: "money-needed.after",
    numeric: true,
    cell: (one) =>
      one.after_cents === null ? (
        <T id="money-needed.unknown" />
      ) : (
        <span
          style={
            one.is_short ? { color: "var(--mui-palette-error-main)", fontWeight: 650 } : undefined
          }
        >
          <Money cents={one.after_cents} />
          {one.is_short && (
            <>
              {" "}
              <T id="money-needed.too-little" />
            </>
          )}
        </span>
      ),
  },
];
