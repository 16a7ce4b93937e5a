import Button from "@mui/material/Button";
import { useQueryClient } from "@tanstack/react-query";
import { type ReactElement, useState } from "react";
import { type AccountingExport, type ExportMonth, query } from "../api/client";
import { hasRole } from "../api/session";
import { useSignedIn } from "../api/signedIn";
import { T, useText } from "../i18n/i18n";
import { Card } from "../ui/Card";
import { Count, DateTime, Money, PlainDate, ShortId } from "../ui/format";
import { FormGrid } from "../ui/layout";
import { type Column, ListTable } from "../ui/ListTable";
import { Empty } from "../ui/Loading";
import { ProblemPanel } from "../ui/ProblemPanel";
import { QueryView } from "../ui/QueryView";
import { FileButtons } from "./FileButtons";
import { DayField } from "./ReportForm";

const PATH = "/api/v1/finance/exports";
const SHOWN_MAX = 25;
/** Every journal there is goes into the months, so they are not read again as often as others. */
const REFRESH_MS = 60_000;
const FILES = [
  { name: "journals.csv", label: "CSV" },
  { name: "quickbooks.iif", label: "QuickBooks (IIF)" },
  { name: "netsuite.csv", label: "NetSuite" },
  { name: "sap.txt", label: "SAP" },
  { name: "journals.beancount", label: "beancount" },
] as const;

/** What of each month is exported, a new export, and those that were made. */
export function AccountingExports(): ReactElement {
  const { me } = useSignedIn();
  const text = useText();
  const made = query.useQuery(
    "get",
    PATH,
    { params: { query: { limit: SHOWN_MAX } } },
    { refetchInterval: REFRESH_MS },
  );
  return (
    <Card title={<T id="finance.exports" />}>
      <p>
        <T id="finance.exports.means" />
      </p>
      {hasRole(me, "preparer", "approver") && <NewExport />}
      <QueryView query={made}>
        {({ items, months }) => (
          <>
            {months.length === 0 ? (
              <Empty>
                <T id="finance.months.none" />
              </Empty>
            ) : (
              <ListTable
                label={text("finance.months")}
                rows={months}
                rowId={(month) => month.month}
                columns={MONTHS}
              />
            )}
            {items.length > 0 && (
              <ListTable
                label={text("finance.exports")}
                rows={items}
                rowId={(one) => one.export_id}
                columns={EXPORTS}
              />
            )}
          </>
        )}
      </QueryView>
    </Card>
  );
}

/** The last day that is over in UTC: a day that still runs cannot be exported. */
export function lastDayOver(now: Date): string {
  return new Date(now.getTime() - 86_400_000).toISOString().slice(0, 10);
}

function NewExport(): ReactElement {
  const text = useText();
  const queries = useQueryClient();
  const [last] = useState(() => lastDayOver(new Date()));
  const [through, setThrough] = useState(last);
  const making = query.useMutation("post", PATH, {
    onSuccess: () => void queries.invalidateQueries({ queryKey: ["get", PATH] }),
  });
  const isReady = through !== "" && through <= last && !making.isPending;
  return (
    <>
      {making.error && <ProblemPanel error={making.error} />}
      <FormGrid
        onSubmit={(event) => {
          event.preventDefault();
          if (isReady) making.mutate({ body: { through } });
        }}
      >
        <DayField label="finance.through" value={through} max={last} onChange={setThrough} />
        <Button type="submit" variant="contained" disabled={!isReady}>
          {text(making.isPending ? "working" : "finance.export")}
        </Button>
      </FormGrid>
    </>
  );
}

const MONTHS: readonly Column<ExportMonth>[] = [
  { header: "finance.month", cell: ({ month }) => <>{month}</> },
  {
    header: "finance.exported",
    numeric: true,
    cell: (month) => <Money cents={month.exported_cents} />,
  },
  {
    header: "finance.open",
    numeric: true,
    cell: (month) => (
      <>
        <Money cents={month.open_cents} /> (<Count value={month.open_journals} />)
      </>
    ),
  },
  {
    header: "column.status",
    cell: ({ closed_by: number, open_journals: open }) => (
      <>
        {number === null ? (
          <T id="finance.month.open" />
        ) : (
          <T id="finance.month.closed" values={{ number }} />
        )}
        {number !== null && open > 0 && (
          <>
            {" "}
            <T id="finance.month.late" values={{ n: open }} />
          </>
        )}
      </>
    ),
  },
];

const EXPORTS: readonly Column<AccountingExport>[] = [
  { header: "finance.number", numeric: true, cell: ({ number }) => <>{number}</> },
  {
    header: "column.what",
    wide: true,
    cell: (one) => (
      <>
        <PlainDate date={one.first_day} /> – <PlainDate date={one.last_day} />
        {one.batch_id && (
          <>
            {" · "}
            <ShortId id={one.batch_id} />
          </>
        )}
      </>
    ),
  },
  { header: "column.amount", numeric: true, cell: (one) => <Money cents={one.amount_cents} /> },
  {
    header: "finance.made",
    cell: ({ made_at, made_by }) => (
      <>
        <DateTime at={made_at} /> · {made_by}
      </>
    ),
  },
  {
    header: "finance.files",
    cell: ({ export_id: id, number }) => (
      <FileButtons path={`${PATH}/${id}`} files={FILES} of={String(number)} />
    ),
  },
];
