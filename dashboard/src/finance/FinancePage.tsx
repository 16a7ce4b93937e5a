/** For finance: reports over dates and batches, and exports for the accounting system, the bank's view. */
import type { ReactElement } from "react";
import { hasRole } from "../api/session";
import { useSignedIn } from "../api/signedIn";
import { T, useText } from "../i18n/i18n";
import { Page } from "../ui/Page";
import { AccountingExports } from "./AccountingExports";
import { AccountMapping } from "./AccountMapping";
import { BankStatement } from "./BankStatement";
import { FinanceReports } from "./FinanceReports";

export default function FinancePage(): ReactElement {
  const { me } = useSignedIn();
  const text = useText();
  return (
    <Page title={text("nav.finance")} lead={<T id="finance.lead" />}>
      <FinanceReports />
      <AccountingExports />
      <AccountMapping />
      {hasRole(me, "preparer", "approver", "auditor") && <BankStatement />}
    </Page>
  );
}
