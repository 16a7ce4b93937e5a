import Button from "@mui/material/Button";
import { type ReactElement, useState } from "react";
import { type BankStatementResult, query } from "../api/client";
import { T, useText } from "../i18n/i18n";
import { Card } from "../ui/Card";
import { Field, Input } from "../ui/fields";
import { Count, Money, PlainDate } from "../ui/format";
import { FormGrid } from "../ui/layout";
import { ListTable } from "../ui/ListTable";
import { Notice } from "../ui/Notice";
import { ProblemPanel } from "../ui/ProblemPanel";

/** Upload a bank's statement of a source account and see what does not match, both ways. */
export function BankStatement(): ReactElement {
  const text = useText();
  const [source, setSource] = useState("");
  const [file, setFile] = useState<File | null>(null);
  const comparing = query.useMutation("post", "/api/v1/finance/bank-statement");
  const canCompare = source.trim() !== "" && file !== null && !comparing.isPending;
  const compare = async () => {
    if (!file || !canCompare) return;
    comparing.mutate({ body: { source_account_id: source.trim(), text: await file.text() } });
  };
  return (
    <Card title={<T id="bank.title" />}>
      <p>
        <T id="bank.means" />
      </p>
      {comparing.error && <ProblemPanel error={comparing.error} />}
      <FormGrid
        onSubmit={(event) => {
          event.preventDefault();
          void compare();
        }}
      >
        <Field>
          <T id="bank.source" />
          <Input value={source} onChange={(event) => setSource(event.target.value)} />
        </Field>
        <Field>
          <T id="bank.file" />
          <Input
            type="file"
            accept=".xml,.csv,.txt,.bai,.bai2,text/csv,application/xml"
            onChange={(event) => setFile(event.target.files?.[0] ?? null)}
          />
        </Field>
        <Button type="submit" variant="contained" disabled={!canCompare}>
          {text(comparing.isPending ? "working" : "bank.compare")}
        </Button>
      </FormGrid>
      {comparing.data && <Result result={comparing.data} />}
    </Card>
  );
}

/** The sums first, then each line that is on one side alone. */
function Result({ result }: { result: BankStatementResult }): ReactElement {
  const text = useText();
  const { statement_alone: bankAlone, ledger_alone: ledgerAlone } = result;
  const isEqual = bankAlone.count === 0 && ledgerAlone.count === 0;
  const sums = [
    ["bank.statement", result.statement],
    ["bank.matched", result.matched],
    ["bank.statement-alone", bankAlone],
    ["bank.ledger-alone", ledgerAlone],
    ["bank.may-come", result.may_still_come],
  ] as const;
  return (
    <>
      <Notice tone={isEqual ? "success" : "warning"} live>
        <T id={isEqual ? "bank.equal" : "bank.different"} />
      </Notice>
      <ListTable
        label={text("bank.sums")}
        rows={sums}
        rowId={([name]) => name}
        columns={[
          { header: "column.what", wide: true, cell: ([name]) => <T id={name} /> },
          { header: "bank.lines", numeric: true, cell: ([, sum]) => <Count value={sum.count} /> },
          {
            header: "bank.out",
            numeric: true,
            cell: ([, sum]) => <Money cents={sum.debit_cents} />,
          },
          {
            header: "bank.in",
            numeric: true,
            cell: ([, sum]) => <Money cents={sum.credit_cents} />,
          },
        ]}
      />
      <OneSided result={result} />
    </>
  );
}

/** Each line of the bank without a payment, and each payment without a line. */
function OneSided({ result }: { result: BankStatementResult }): ReactElement {
  const text = useText();
  const lines = result.only_in_statement.map((line, n) => ({ ...line, id: `line ${n}` }));
  return (
    <>
      {lines.length > 0 && (
        <ListTable
          label={text("bank.statement-alone")}
          rows={lines}
          rowId={({ id }) => id}
          columns={[
            { header: "bank.day", cell: ({ day }) => <PlainDate date={day} /> },
            {
              header: "column.amount",
              numeric: true,
              cell: (one) => <Money cents={one.amount_cents} />,
            },
            { header: "bank.statement-alone", wide: true, cell: (line) => <>{line.text}</> },
          ]}
        />
      )}
      {result.only_in_ledger.length > 0 && (
        <ListTable
          label={text("bank.ledger-alone")}
          rows={result.only_in_ledger}
          rowId={(one) => one.journal_id}
          columns={[
            { header: "bank.day", cell: ({ day }) => <PlainDate date={day} /> },
            {
              header: "column.amount",
              numeric: true,
              cell: (one) => <Money cents={one.amount_cents} />,
            },
            {
              header: "bank.ledger-alone",
              wide: true,
              cell: (one) => <>{one.provider_payment_id || one.payment_id}</>,
            },
          ]}
        />
      )}
    </>
  );
}
