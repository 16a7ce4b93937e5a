import { useQueryClient } from "@tanstack/react-query";
import type { ReactElement } from "react";
import { type FinanceReport, query } from "../api/client";
import { hasRole } from "../api/session";
import { useSignedIn } from "../api/signedIn";
import { T, useText } from "../i18n/i18n";
import { Card } from "../ui/Card";
import { Count, DateTime, Money, PlainDate, ShortId } from "../ui/format";
import { MutedText } from "../ui/layout";
import { type Column, ListTable } from "../ui/ListTable";
import { Empty } from "../ui/Loading";
import { readCents } from "../ui/money";
import { ProblemPanel } from "../ui/ProblemPanel";
import { QueryView } from "../ui/QueryView";
import { FileButtons } from "./FileButtons";
import { ReportForm } from "./ReportForm";
import { reportOrder } from "./reportOrder";
import { ReportPlot } from "./ReportPlot";
import { YearForm } from "./YearForm";

const PATH = "/api/v1/finance/reports";
const SHOWN_MAX = 25;
/** A workbook first: it keeps ids as text and amounts as numbers whatever opens it. */
const FILES = [
  { name: "report.xlsx", label: "XLSX" },
  { name: "report.pdf", label: "PDF" },
  { name: "report-bom.csv", label: "CSV (Excel)" },
  { name: "report.csv", label: "CSV" },
] as const;

/** Make a report over dates and batches; the newest ones that were made. */
export function FinanceReports(): ReactElement {
  const { me } = useSignedIn();
  const text = useText();
  const queries = useQueryClient();
  const made = query.useQuery("get", PATH, { params: { query: { limit: SHOWN_MAX } } });
  const making = query.useMutation("post", PATH, {
    onSuccess: () => void queries.invalidateQueries({ queryKey: ["get", PATH] }),
  });
  return (
    <Card title={<T id="finance.reports" />}>
      <p>
        <T id="finance.reports.means" />
      </p>
      {making.error && <ProblemPanel error={making.error} />}
      {hasRole(me, "preparer", "approver", "auditor") && (
        <ReportForm
          busy={making.isPending}
          onSubmit={(wanted) => making.mutate({ body: reportOrder(wanted) })}
        />
      )}
      {hasRole(me, "preparer", "approver", "auditor") && <YearForm />}
      <QueryView query={made}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty>
              <T id="finance.reports.none" />
            </Empty>
          ) : (
            <>
              <ListTable
                label={text("finance.reports")}
                rows={items}
                rowId={(report) => report.report_id}
                columns={COLUMNS}
              />
              <ReportPlot report={items[0]} />
            </>
          )
        }
      </QueryView>
    </Card>
  );
}

const COLUMNS: readonly Column<FinanceReport>[] = [
  { header: "column.what", wide: true, cell: (report) => <About report={report} /> },
  { header: "finance.paid", numeric: true, cell: (report) => <Paid report={report} /> },
  { header: "column.rows", numeric: true, cell: (report) => <Count value={report.rows} /> },
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
    cell: ({ report_id: id }) => <FileButtons path={`${PATH}/${id}`} files={FILES} of={id} />,
  },
];

/** What is paid; of a year the sum, which holds what is approved and not paid yet, as such. */
function Paid({ report }: { report: FinanceReport }): ReactElement {
  if (report.kind !== "yearly") return <Amount text={report.paid_amount} />;
  return (
    <>
      <Amount text={report.amount} />
      <br />
      <MutedText>
        <T id="finance.year.amount" />
      </MutedText>
    </>
  );
}

/** An amount of the API, with its thousands. */
function Amount({ text }: { text: string }): ReactElement {
  const cents = readCents(text);
  return cents === null ? <>{text}</> : <Money cents={cents} />;
}

/** What a report is of, as of when, and whether its figures still change. */
function About({ report }: { report: FinanceReport }): ReactElement {
  const { question, batches, kind } = report;
  return (
    <>
      <b>
        {kind === "yearly" ? (
          <T id="finance.year.of" values={{ year: question.from_day.slice(0, 4) }} />
        ) : (
          question.by.map((by, n) => (
            <span key={by}>
              {n > 0 && ", "}
              <T id={`finance.by.${by}`} />
            </span>
          ))
        )}
      </b>
      <br />
      <T id="finance.batches" values={{ n: batches.length }} />
      {": "}
      <PlainDate date={batches[0]?.period} /> – <PlainDate date={batches.at(-1)?.period} />
      {batches.length === 1 && batches[0] && (
        <>
          {" · "}
          <ShortId id={batches[0].batch_id} />
        </>
      )}
      <br />
      <MutedText>
        <T id={report.all_final ? "finance.final" : "finance.not-final"} />
        {report.kind !== "yearly" && report.as_of && (
          <>
            {" "}
            <T id="finance.as-of" /> <DateTime at={report.as_of} />
          </>
        )}
      </MutedText>
    </>
  );
}
