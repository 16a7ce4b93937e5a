import type { ReactElement } from "react";
import type { PaymentDetails } from "../api/client";
import { hasRole, PERSONAL_ROLES } from "../api/session";
import { useSignedIn } from "../api/signedIn";
import { T } from "../i18n/i18n";
import { Card } from "../ui/Card";
import { Facts } from "../ui/Facts";
import { Code, ShortId } from "../ui/format";
import { NamedId } from "../ui/NamedId";
import { Link } from "../ui/links";

/** What is known of a payment, besides its amount and status. */
export function PaymentFacts({ payment }: { payment: PaymentDetails }): ReactElement {
  const { me } = useSignedIn();
  const mayOpen = hasRole(me, ...PERSONAL_ROLES);
  return (
    <Card>
      <Facts
        items={[
          ["payment.rows", <FileRows key="rows" payment={payment} />],
          ["column.employee-id", <EmployeeId key="employee" payment={payment} link={mayOpen} />],
          ["column.loan", <Loan key="loan" payment={payment} link={mayOpen} />],
          ["column.source", <NamedId key="source" kind="source" id={payment.source_account_id} />],
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

type LinkedProps = { payment: PaymentDetails; link: boolean };

function EmployeeId({ payment, link }: LinkedProps): ReactElement {
  const id = <ShortId id={payment.employee_id} />;
  if (!link || !payment.person_id) return id;
  return (
    <>
      {id}{" "}
      <Link to="/employees/$personId" params={{ personId: payment.person_id }}>
        <T id="employee.open" />
      </Link>
    </>
  );
}

function Loan({ payment, link }: LinkedProps): ReactElement {
  const shown = `****${payment.loan_last4} · ${payment.institution_id}`;
  if (!link || !payment.loan_id) return <>{shown}</>;
  return (
    <>
      {shown}{" "}
      <Link to="/loans/$loanId" params={{ loanId: payment.loan_id }}>
        <T id="loan.open" />
      </Link>
    </>
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
