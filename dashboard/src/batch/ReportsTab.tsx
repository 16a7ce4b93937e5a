/** Reports to download, and the certificate: the arithmetic that ended the batch. */
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import { useMutation } from "@tanstack/react-query";
import type { ReactElement } from "react";
import { download } from "../api/download";
import { type Id, T, useText } from "../i18n/i18n";
import { Code, Count, Money, When } from "../ui/figures";
import { Icon } from "../ui/icons";
import { Link } from "../ui/links";
import { Card, Facts, Notice } from "../ui/page";
import { ProblemPanel } from "../ui/ProblemPanel";
import { ListTable } from "../ui/table";
import { sumCents } from "../ui/money";
import { useBatch } from "./useBatch";

type Report = { what: Id; means: Id; files: string[] };
const REPORTS: Report[] = [
  { what: "report.sources", means: "report.sources.means", files: ["sources.csv", "sources.xlsx"] },
  {
    what: "report.branches",
    means: "report.branches.means",
    files: ["branches.csv", "branches.xlsx"],
  },
  {
    what: "report.payments",
    means: "report.payments.means",
    files: ["payments.csv", "payments.xlsx"],
  },
  { what: "report.summary", means: "report.summary.means", files: ["summary.pdf"] },
  { what: "report.all", means: "report.all.means", files: ["all.zip"] },
];
const OUTCOMES = [
  "paid",
  "failed",
  "cancelled",
  "reversed",
  "unpayable",
  "refused",
  "excluded",
] as const;
type Tally = { rows: number; amount_cents: number };

export default function ReportsTab(): ReactElement {
  const { batch } = useBatch();
  const text = useText();
  const get = useMutation({
    mutationFn: (file: string) =>
      download(`/api/v1/batches/${batch.batch_id}/reports/${file}`, file),
  });
  return (
    <>
      <Card title={<T id="reports.title" />}>
        <p>
          <T id="reports.means" />
        </p>
        {get.error && (
          <ProblemPanel
            error={get.error}
            retry={() => get.variables && get.mutate(get.variables)}
          />
        )}
        <ListTable
          label={text("reports.title")}
          rows={REPORTS}
          id={(report) => report.what}
          columns={[
            {
              key: "what",
              head: <T id="column.what" />,
              wide: true,
              cell: (report) => (
                <>
                  <b>
                    <T id={report.what} />
                  </b>
                  <br />
                  <T id={report.means} />
                </>
              ),
            },
            {
              key: "get",
              head: <T id="reports.download" />,
              cell: (report) => (
                <Box sx={{ display: "flex", flexWrap: "wrap", gap: 1 }}>
                  {report.files.map((file) => (
                    <Button
                      key={file}
                      size="small"
                      variant="outlined"
                      startIcon={<Icon name="arrow-down" />}
                      disabled={get.isPending}
                      onClick={() => get.mutate(file)}
                      aria-label={text("reports.get", { file })}
                    >
                      {get.isPending && get.variables === file
                        ? text("working")
                        : file.slice(file.indexOf(".") + 1).toUpperCase()}
                    </Button>
                  ))}
                </Box>
              ),
            },
          ]}
        />
      </Card>
      <Certificate />
    </>
  );
}

function Certificate(): ReactElement {
  const { batch } = useBatch();
  const text = useText();
  const certificate = batch.certificate;
  if (!certificate)
    return (
      <Card title={<T id="certificate.title" />}>
        <Notice tone="neutral">
          <T id="certificate.none" />
        </Notice>
      </Card>
    );
  const tally = (name: string): Tally => certificate[name] as Tally;
  const rows = OUTCOMES.reduce((n, name) => n + tally(name).rows, 0);
  const cents = sumCents(OUTCOMES.map((name) => tally(name).amount_cents));
  const agree = rows === tally("total").rows && cents === tally("total").amount_cents;
  return (
    <Card title={<T id="certificate.title" />}>
      <Notice tone={agree ? "success" : "error"}>
        <b>
          <T id={agree ? "certificate.agrees" : "certificate.differs"} />
        </b>
      </Notice>
      <ListTable
        label={text("certificate.title")}
        rows={OUTCOMES}
        id={(name) => name}
        foot={[
          <T key="t" id="certificate.total" />,
          <Count key="r" of={tally("total").rows} />,
          <Money key="m" cents={tally("total").amount_cents} />,
        ]}
        columns={[
          {
            key: "what",
            head: <T id="column.status" />,
            cell: (name) => <T id={`certificate.${name}`} />,
          },
          {
            key: "rows",
            head: <T id="column.rows" />,
            right: true,
            cell: (name) => <Count of={tally(name).rows} />,
          },
          {
            key: "money",
            head: <T id="column.amount" />,
            right: true,
            cell: (name) => <Money cents={tally(name).amount_cents} />,
          },
        ]}
      />
      <Box sx={{ mt: 2 }}>
        <Facts
          of={[
            ["certificate.version", String(certificate.version)],
            ["certificate.issued", <When key="w" at={String(certificate.issued_at)} />],
            [
              "certificate.run",
              <Link key="l" to="/reconciliation" search={{ batch_id: batch.batch_id }}>
                <Code>{String(certificate.run_id)}</Code>
              </Link>,
            ],
            ["fact.digest", <Code key="d">{String(certificate.digest)}</Code>],
          ]}
        />
      </Box>
    </Card>
  );
}
