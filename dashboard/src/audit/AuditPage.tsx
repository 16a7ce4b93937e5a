/**
 * Every change that was requested, the newest first, and whether the log is complete and unchanged.
 */
import Button from "@mui/material/Button";
import { keepPreviousData } from "@tanstack/react-query";
import type { ReactElement } from "react";
import { query } from "../api/client";
import { hasRole } from "../api/session";
import { useSignedIn } from "../api/signedIn";
import { T, useText } from "../i18n/i18n";
import { useAddress } from "../ui/address";
import { Card } from "../ui/Card";
import { Filters } from "../ui/Filters";
import { Count } from "../ui/format";
import { Empty, Loading } from "../ui/Loading";
import { Notice } from "../ui/Notice";
import { Page } from "../ui/Page";
import { ProblemPanel } from "../ui/ProblemPanel";
import { AuditTable } from "./AuditTable";

const SIZE = 100;

export default function AuditPage(): ReactElement {
  const { me } = useSignedIn();
  const text = useText();
  if (!hasRole(me, "auditor", "admin"))
    return (
      <Page title={text("nav.audit")}>
        <Notice tone="warning">
          <T id="audit.forbidden" />
        </Notice>
      </Page>
    );
  return (
    <Page title={text("nav.audit")} lead={<T id="audit.lead" />}>
      <AuditLog />
    </Page>
  );
}

function AuditLog(): ReactElement {
  const [{ q, cursor }, change] = useAddress();
  const found = query.useQuery(
    "get",
    "/api/v1/audit",
    { params: { query: { limit: SIZE, cursor, q } } },
    { placeholderData: keepPreviousData },
  );
  const { data: log } = found;
  return (
    <>
      {found.error && <ProblemPanel error={found.error} retry={() => void found.refetch()} />}
      {log && <Verification {...log} />}
      <Card>
        <Filters find="audit.find" />
        {found.isPending && <Loading />}
        {log && log.items.length === 0 && (
          <Empty>
            <T id={q ? "empty.filtered" : "audit.none"} />
          </Empty>
        )}
        {log && log.items.length > 0 && <AuditTable lines={log.items} />}
        {cursor && (
          <Button onClick={() => change({ cursor: "" })}>
            <T id="audit.newest" />
          </Button>
        )}
        {log?.next && (
          <Button onClick={() => change({ cursor: log.next ?? "" })}>
            <T id="audit.older" />
          </Button>
        )}
      </Card>
    </>
  );
}

type VerificationProps = { verified: boolean; total: number; first_broken: number | null };

/** Whether every line follows from the one before it, as the gateway has checked. */
function Verification({ verified, total, first_broken: line }: VerificationProps): ReactElement {
  return (
    <Notice tone={verified ? "success" : "error"}>
      <T
        id={verified ? "audit.intact" : "audit.broken"}
        values={{ n: <Count value={total} />, line: line ?? 0 }}
      />
    </Notice>
  );
}
