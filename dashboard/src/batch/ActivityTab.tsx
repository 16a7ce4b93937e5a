/** What happened to the batch and by whom: what the batch itself records, and the audit log for those who may read it. */
import type { ReactElement, ReactNode } from "react";
import { query } from "../api/client";
import { may } from "../api/session";
import { AuditTable } from "../audit/AuditTable";
import { T, useText } from "../i18n/i18n";
import { Code, When } from "../ui/figures";
import { Link } from "../ui/links";
import { useMe } from "../ui/me";
import { Card, Loading } from "../ui/page";
import { ProblemPanel } from "../ui/ProblemPanel";
import { ListTable } from "../ui/table";
import { useBatch } from "./useBatch";

type Happening = { at: string; what: ReactNode; by: string; key: string };

export default function ActivityTab(): ReactElement {
  const { batch } = useBatch();
  const { me } = useMe();
  const text = useText();
  const corrections = batch.corrections;
  const certificate = batch.certificate as { issued_at?: string; version?: number } | null;
  const happenings: Happening[] = [
    {
      key: "u",
      at: batch.uploaded_at,
      what: (
        <T
          id={batch.parent_batch_id ? "activity.child" : "activity.uploaded"}
          values={{ file: batch.filename }}
        />
      ),
      by: batch.uploaded_by,
    },
    ...corrections.map((c) => ({
      key: `${c.source_account_id}${c.field}`,
      at: c.at ?? "",
      by: c.by ?? "—",
      what: (
        <T
          id="activity.corrected"
          values={{ field: c.field, from: c.from, to: c.to, source: c.source_account_id }}
        />
      ),
    })),
    ...(batch.approved_by
      ? [
          {
            key: "a",
            at: batch.approved_at ?? "",
            by: batch.approved_by,
            what: (
              <>
                <T id="activity.approved" /> <Code>{(batch.digest ?? "").slice(0, 23)}</Code>
              </>
            ),
          },
        ]
      : []),
    ...(certificate
      ? [
          {
            key: "c",
            at: certificate.issued_at ?? "",
            by: "ledger",
            what: <T id="activity.certified" values={{ version: certificate.version ?? 1 }} />,
          },
        ]
      : []),
  ].toSorted((a, b) => a.at.localeCompare(b.at));
  return (
    <>
      <Card title={<T id="activity.title" />}>
        <ListTable
          label={text("activity.title")}
          rows={happenings}
          id={(one) => one.key}
          columns={[
            { key: "at", head: <T id="column.time" />, cell: (one) => <When at={one.at} /> },
            { key: "what", head: <T id="column.what" />, wide: true, cell: (one) => one.what },
            { key: "by", head: <T id="column.by" />, cell: (one) => one.by },
          ]}
        />
        <p>
          <T id="activity.limits" />
        </p>
      </Card>
      {may(me, "auditor", "admin") && <Log batchId={batch.batch_id} />}
    </>
  );
}

function Log({ batchId }: { batchId: string }): ReactElement {
  const found = query.useQuery("get", "/api/v1/audit", {
    params: { query: { limit: 100, q: batchId } },
  });
  return (
    <Card
      title={<T id="activity.audit" />}
      actions={
        <Link to="/audit" search={{ q: batchId }}>
          <T id="activity.audit.all" />
        </Link>
      }
    >
      {found.error && <ProblemPanel error={found.error} retry={() => void found.refetch()} />}
      {found.isPending && <Loading />}
      {found.data && <AuditTable lines={found.data.items} />}
    </Card>
  );
}
