/**
 * For operators: services, dead letters, the provider's limit, the kill switch, restored databases.
 */
import type { ReactElement } from "react";
import { hasRole } from "../api/session";
import { useSignedIn } from "../api/signedIn";
import { T, useText } from "../i18n/i18n";
import { Notice } from "../ui/Notice";
import { Page } from "../ui/Page";
import { DeadLetters } from "./DeadLetters";
import { KillSwitch } from "./KillSwitch";
import { ProviderLimit } from "./ProviderLimit";
import { RestoredDatabases } from "./RestoredDatabases";
import { Services } from "./Services";

export default function OperationsPage(): ReactElement {
  const { me } = useSignedIn();
  const text = useText();
  const seesHealth = hasRole(me, "operator", "admin", "auditor");
  return (
    <Page title={text("nav.operations")} lead={<T id="operations.lead" />}>
      <RestoredDatabases />
      {seesHealth ? (
        <Services />
      ) : (
        <Notice tone="neutral">
          <T id="operations.forbidden" />
        </Notice>
      )}
      <KillSwitch />
      <ProviderLimit />
      {seesHealth && <DeadLetters />}
    </Page>
  );
}
