/** One loan: who was paid under it, every row and payment, and why not all is paid. */
import { getRouteApi } from "@tanstack/react-router";
import type { ReactElement } from "react";
import { type EmployeeRow, type LoanStory, query } from "../api/client";
import { T, useText } from "../i18n/i18n";
import { Card } from "../ui/Card";
import { Facts } from "../ui/Facts";
import { DateTime, ShortId } from "../ui/format";
import { Link } from "../ui/links";
import type { Column } from "../ui/ListTable";
import { Notice } from "../ui/Notice";
import { OutdatedNotice } from "../ui/OutdatedNotice";
import { Page } from "../ui/Page";
import { QueryView } from "../ui/QueryView";
import { Decided } from "./Decided";
import { PeriodTable } from "./PeriodTable";
import { RowTable } from "./RowTable";

const route = getRouteApi("/loans/$loanId");
const EMPLOYEE: Column<EmployeeRow> = {
  header: "column.employee-id",
  cell: (row) => (
    <PersonLink personId={row.person_id}>
      <ShortId id={row.employee_id} />
    </PersonLink>
  ),
};

export default function LoanPage(): ReactElement {
  const { loanId } = route.useParams();
  const text = useText();
  const found = query.useQuery("get", "/api/v1/loans/{loan_id}", {
    params: { path: { loan_id: loanId } },
  });
  const { data: loan } = found;
  if (!loan)
    return (
      <Page title={text("column.loan")}>
        <QueryView query={found}>{() => null}</QueryView>
      </Page>
    );
  return (
    <Page title={text("loan.title", { last4: loan.loan_last4 })} lead={loan.institution_id}>
      {found.error && <OutdatedNotice updatedAt={found.dataUpdatedAt} />}
      {loan.people.length > 1 && (
        <Notice tone="warning">
          <T id="loan.several-people" values={{ n: loan.people.length }} />
        </Notice>
      )}
      <PeriodTable periods={loan.periods} />
      <Decided decisions={loan.decisions} holds={loan.holds} />
      <LoanFacts loan={loan} />
      <RowTable rows={loan.rows} more={loan.more} other={EMPLOYEE} />
    </Page>
  );
}

function LoanFacts({ loan }: { loan: LoanStory }): ReactElement {
  const text = useText();
  return (
    <Card title={text("employee.known")}>
      <Facts
        items={[
          [
            "loan.people",
            loan.people.map((one) => (
              <div key={one.person_id}>
                <PersonLink personId={one.person_id}>
                  {`${one.first_name} ${one.last_name}`.trim() || one.employee_id}
                </PersonLink>
              </div>
            )),
          ],
          ["employee.first-seen", <DateTime key="first" at={loan.first_seen} />],
          ["employee.last-seen", <DateTime key="last" at={loan.last_seen} />],
        ]}
      />
    </Card>
  );
}

type PersonLinkProps = { personId: string; children: ReactElement | string };

/** A link to an employee; without a link where the file has no id. */
function PersonLink({ personId, children }: PersonLinkProps): ReactElement {
  if (!personId) return <>{children}</>;
  return (
    <Link to="/employees/$personId" params={{ personId }}>
      {children}
    </Link>
  );
}
