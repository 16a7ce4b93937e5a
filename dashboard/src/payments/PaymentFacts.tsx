import type { ReactElement } from "react";
import type { PaymentDetails } from "../api/client";
import { T } from "../i18n/i18n";
import { Card } from "../ui/Card";
import { Facts } from "../ui/Facts";
import { Code, ShortId } from "../ui/format";
import { Link } from "../ui/links";

/** What is known of a payment, besides its amount and status. */
export function PaymentFacts({ payment }: { payment: PaymentDetails }): ReactElement {
  return (
    <Card>
      <Facts
        items={[
          ["payment.rows", <FileRows key="rows" payment={payment} />],
          ["column.employee-id", <ShortId key="employee" id={payment.employee_id} />],
          ["column.loan", `****${payment.loan_last4} · ${payment.institution_id}`],
          ["column.source", <ShortId key="source" id={payment.source_account_id} />],
          ["column.provider-status", payment.provider_status ?? "—"],
          [
            "column.provider-id",
            payment.provider_payment_id ? (
              <Code key="provider">{payment.provider_payment_id}</Code>
            ) : (
              <T key="provider" id="payment.no-provider-id" />
            ),
          ],
          ["column.attempts", payment.attempts],
          [
            "payment.journals",
            <Link key="journals" to="/ledger/journals" search={{ payment_id: payment.payment_id }}>
              <T id="payment.journals.open" />
            </Link>,
          ],
        ]}
      />
    </Card>
  );
}

/** The rows of the file that this payment pays. */
function FileRows({ payment }: { payment: PaymentDetails }): ReactElement {
  return (
    <span>
      {payment.rows.map((row) => (
        <span key={row}>
          <Link
            to="/batches/$batchId/rows"
            params={{ batchId: payment.batch_id }}
            search={{ q: String(row) }}
          >
            {row}
          </Link>{" "}
        </span>
      ))}
    </span>
  );
}
