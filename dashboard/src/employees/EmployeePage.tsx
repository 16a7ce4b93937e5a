/** One employee: every loan, every row and payment, and why not all is paid. */
import { getRouteApi } from "@tanstack/react-router";
import type { ReactElement } from "react";
import { type EmployeeRow, type EmployeeStory, query } from "../api/client";
import { T, useApiText, useText } from "../i18n/i18n";
import { Card } from "../ui/Card";
import { Facts } from "../ui/Facts";
import { DateTime, ShortId } from "../ui/format";
import { NamedId } from "../ui/NamedId";
import { LeadRow } from "../ui/layout";
import { Link } from "../ui/links";
import type { Column } from "../ui/ListTable";
import { OutdatedNotice } from "../ui/OutdatedNotice";
import { Page } from "../ui/Page";
import { QueryView } from "../ui/QueryView";
import { Decided } from "./Decided";
import { HoldEmployee } from "./HoldEmployee";
import { PeriodTable } from "./PeriodTable";
import { RowTable } from "./RowTable";
import { YearFigures } from "./YearFigures";

const route = getRouteApi("/employees/$personId");
const LOAN: Column<EmployeeRow> = {
  header: "column.loan",
  cell: (row) => <LoanLink loan={row} />,
};

export default function EmployeePage(): ReactElement {
  const { personId } = route.useParams();
  const text = useText();
  const found = query.useQuery("get", "/api/v1/employees/{person_id}", {
    params: { path: { person_id: personId } },
  });
  const { data: employee } = found;
  if (!employee)
    return (
      <Page title={text("employee.title")}>
        <QueryView query={found}>{() => null}</QueryView>
      </Page>
    );
  const [newest] = employee.rows;
  return (
    <Page title={nameOf(employee)} lead={<Lead employee={employee} />}>
      {found.error && <OutdatedNotice updatedAt={found.dataUpdatedAt} />}
      <YearFigures year={employee.year} />
      <PeriodTable periods={employee.periods} />
      <Decided
        decisions={employee.decisions}
        holds={employee.holds}
        action={newest && <HoldEmployee row={newest} onHeld={() => void found.refetch()} />}
      />
      <EmployeeFacts employee={employee} />
      <RowTable rows={employee.rows} more={employee.more} other={LOAN} />
    </Page>
  );
}

function nameOf({ first_name: first, last_name: last, employee_id: id }: EmployeeStory): string {
  return `${first} ${last}`.trim() || id;
}

function Lead({ employee }: { employee: EmployeeStory }): ReactElement {
  return (
    <LeadRow>
      <span>
        <T id="column.employee-id" /> <ShortId id={employee.employee_id} />
      </span>
      <span>
        <T id="column.branch" /> <NamedId kind="branch" id={employee.branch_id} />
      </span>
      <span>
        <T id="employee.last-seen" /> <DateTime at={employee.last_seen} />
      </span>
    </LeadRow>
  );
}

function EmployeeFacts({ employee }: { employee: EmployeeStory }): ReactElement {
  const text = useText();
  const apiText = useApiText();
  return (
    <Card title={text("employee.known")}>
      <Facts
        items={[
          ["employee.spellings", employee.spellings.join(", ")],
          ["employee.names", employee.names.join(", ")],
          [
            "employee.identities",
            employee.identities.map((one) => (
              <div key={`${one.first_batch_id}${one.last_batch_id}${one.accepted}`}>
                <T
                  id={one.accepted ? "employee.identity.accepted" : "employee.identity.earlier"}
                  values={{
                    name: `${one.first_name} ${one.last_name}`.trim(),
                    differs: one.differs.map((name) => apiText(name, "values")).join(", "),
                  }}
                />
              </div>
            )),
          ],
          [
            "employee.branches",
            employee.branches.map((id) => (
              <div key={id}>
                <NamedId kind="branch" id={id} />
              </div>
            )),
          ],
          [
            "employee.loans",
            employee.loans.map((loan) => (
              <div key={loan.loan_id}>
                <LoanLink loan={loan} />
              </div>
            )),
          ],
          ["employee.first-seen", <DateTime key="first" at={employee.first_seen} />],
        ]}
      />
    </Card>
  );
}

type LinkedLoan = { loan_id: string; loan_last4: string; institution_id: string };

/** A loan by its last digits; without a link where the file has no number that can be read. */
function LoanLink({ loan }: { loan: LinkedLoan }): ReactElement {
  const shown = `****${loan.loan_last4} · ${loan.institution_id}`;
  if (!loan.loan_id) return <>{loan.loan_last4 ? shown : "—"}</>;
  return (
    <Link to="/loans/$loanId" params={{ loanId: loan.loan_id }}>
      {shown}
    </Link>
  );
}
