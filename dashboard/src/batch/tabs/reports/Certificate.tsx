import Box from "@mui/material/Box";
import type { ReactElement } from "react";
import { T, useText } from "../../../i18n/i18n";
import { Card } from "../../../ui/Card";
import { Facts } from "../../../ui/Facts";
import { Code, Count, DateTime, Money } from "../../../ui/format";
import { Link } from "../../../ui/links";
import { type Column, ListTable } from "../../../ui/ListTable";
import { sumCents } from "../../../ui/money";
import { Notice } from "../../../ui/Notice";
import { useBatch } from "../../BatchContext";
import { type ExplainedBreak, ExplainedBreaks } from "./ExplainedBreaks";

const OUTCOMES = [
  "paid",
  "failed",
  "cancelled",
  "reversed",
  "unpayable",
  "refused",
  "excluded",
] as const;
type Outcome = (typeof OUTCOMES)[number];
type Tally = { rows: number; amount_cents: number };
/** The ledger's certificate. The API describes it as an object without naming its fields. */
type LedgerCertificate = Record<Outcome | "total", Tally> & {
  version: number;
  issued_at: string;
  run_id: string;
  digest: string;
  acknowledged?: ExplainedBreak[];
};

/** The ledger's proof that the outcomes of all rows add up to the file. */
export function Certificate(): ReactElement {
  const certificate = useBatch().batch.certificate as LedgerCertificate | null;
  return (
    <Card title={<T id="certificate.title" />}>
      {certificate ? (
        <>
          <Agreement certificate={certificate} />
          <OutcomeTable certificate={certificate} />
          <ExplainedBreaks breaks={certificate.acknowledged ?? []} />
          <Box sx={{ mt: 2 }}>
            <CertificateFacts certificate={certificate} />
          </Box>
        </>
      ) : (
        <Notice tone="neutral">
          <T id="certificate.none" />
        </Notice>
      )}
    </Card>
  );
}

type Props = { certificate: LedgerCertificate };

/** Whether the outcomes add up to the total, computed here from the certificate's own figures. */
function Agreement({ certificate }: Props): ReactElement {
  const { total } = certificate;
  const rows = OUTCOMES.reduce((sum, outcome) => sum + certificate[outcome].rows, 0);
  const cents = sumCents(OUTCOMES.map((outcome) => certificate[outcome].amount_cents));
  const agree = rows === total.rows && cents === total.amount_cents;
  return (
    <Notice tone={agree ? "success" : "error"}>
      <b>
        <T id={agree ? "certificate.agrees" : "certificate.differs"} />
      </b>
    </Notice>
  );
}

function OutcomeTable({ certificate }: Props): ReactElement {
  const text = useText();
  const columns: Column<Outcome>[] = [
    { header: "column.status", cell: (outcome) => <T id={`certificate.${outcome}`} /> },
    {
      header: "column.rows",
      numeric: true,
      cell: (outcome) => <Count value={certificate[outcome].rows} />,
    },
    {
      header: "column.amount",
      numeric: true,
      cell: (outcome) => <Money cents={certificate[outcome].amount_cents} />,
    },
  ];
  return (
    <ListTable
      label={text("certificate.title")}
      rows={OUTCOMES}
      rowId={(outcome) => outcome}
      columns={columns}
      footer={[
        <T key="total" id="certificate.total" />,
        <Count key="rows" value={certificate.total.rows} />,
        <Money key="money" cents={certificate.total.amount_cents} />,
      ]}
    />
  );
}

function CertificateFacts({ certificate }: Props): ReactElement {
  const { batch_id: batchId } = useBatch().batch;
  return (
    <Facts
      items={[
        ["certificate.version", certificate.version],
        ["certificate.issued", <DateTime key="issued" at={certificate.issued_at} />],
        [
          "certificate.run",
          <Link key="run" to="/reconciliation" search={{ batch_id: batchId }}>
            <Code>{certificate.run_id}</Code>
          </Link>,
        ],
        ["certificate.digest", <Code key="digest">{certificate.digest}</Code>],
      ]}
    />
  );
}
