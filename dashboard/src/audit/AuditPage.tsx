/** Every order that was given, newest first, and whether the log is as it was written. */
import Button from "@mui/material/Button";
import { keepPreviousData } from "@tanstack/react-query";
import type { ReactElement } from "react";
import { query } from "../api/client";
import { may } from "../api/session";
import { T, useText } from "../i18n/i18n";
import { useAddress } from "../ui/address";
import { Count } from "../ui/figures";
import { Filters } from "../ui/Filters";
import { useMe } from "../ui/me";
import { Card, Empty, Loading, Notice, Page } from "../ui/page";
import { ProblemPanel } from "../ui/ProblemPanel";
import { AuditTable } from "./AuditTable";

const SIZE = 100;

export default function AuditPage(): ReactElement {
  const { me } = useMe();
  const [search, change] = useAddress();
  const text = useText();
  const allowed = may(me, "auditor", "admin");
  const found = query.useQuery(
    "get",
    "/api/v1/audit",
    { params: { query: { limit: SIZE, cursor: search.cursor, q: search.q } } },
    { placeholderData: keepPreviousData, enabled: allowed },
  );
  const log = found.data;
  if (!allowed)
    return (
      <Page title={text("nav.audit")}>
        <Notice tone="warning">
          <T id="audit.forbidden" />
        </Notice>
      </Page>
    );
  return (
    <Page title={text("nav.audit")} lead={<T id="audit.lead" />}>
      {found.error && <ProblemPanel error={found.error} retry={() => void found.refetch()} />}
      {log && (
        <Notice tone={log.verified ? "success" : "error"}>
          <T
            id={log.verified ? "audit.intact" : "audit.broken"}
            values={{ n: <Count of={log.total} />, line: log.first_broken ?? 0 }}
          />
        </Notice>
      )}
      <Card>
        <Filters find="audit.find" />
        {found.isPending && <Loading />}
        {log && log.items.length === 0 && (
          <Empty>
            <T id={search.q ? "empty.filtered" : "audit.none"} />
          </Empty>
        )}
        {log && log.items.length > 0 && <AuditTable lines={log.items} />}
        {search.cursor && (
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
    </Page>
  );
}
