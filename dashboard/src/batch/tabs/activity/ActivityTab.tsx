/** What happened to the batch and who did it; for auditors also its lines of the audit log. */
import type { ReactElement, ReactNode } from "react";
import { type ApprovalRequest, type Batch, query } from "../../../api/client";
import { hasRole } from "../../../api/session";
import { useSignedIn } from "../../../api/signedIn";
import { AuditTable } from "../../../audit/AuditTable";
import { T, useText } from "../../../i18n/i18n";
import { Card } from "../../../ui/Card";
import { Code, DateTime } from "../../../ui/format";
import { Link } from "../../../ui/links";
import { NamedId } from "../../../ui/NamedId";
import { type Column, ListTable } from "../../../ui/ListTable";
import { QueryView } from "../../../ui/QueryView";
import { useBatch } from "../../BatchContext";

export default function ActivityTab(): ReactElement {
  const { batch } = useBatch();
  const { me } = useSignedIn();
  const text = useText();
  return (
    <>
      <Card title={<T id="activity.title" />}>
        <ListTable
          label={text("activity.title")}
          rows={happeningsOf(batch)}
          rowId={(happening) => happening.key}
          columns={COLUMNS}
        />
        <p>
          <T id="activity.limits" />
        </p>
      </Card>
      {hasRole(me, "auditor", "admin") && <AuditLog batchId={batch.batch_id} />}
    </>
  );
}

type Happening = { key: string; at: string; what: ReactNode; by: string };

const COLUMNS: readonly Column<Happening>[] = [
  { header: "column.time", cell: (happening) => <DateTime at={happening.at} /> },
  { header: "column.what", wide: true, cell: (happening) => happening.what },
  { header: "column.by", cell: (happening) => happening.by },
];

/** What the batch itself records, the oldest first. */
function happeningsOf(batch: Batch): Happening[] {
  return [
    upload(batch),
    ...batch.corrections.map(correction),
    ...(batch.approval_requests ?? []).flatMap(approvalRequest),
    ...approval(batch),
    ...certification(batch),
  ].toSorted((a, b) => a.at.localeCompare(b.at));
}

function upload(batch: Batch): Happening {
  return {
    key: "upload",
    at: batch.uploaded_at,
    by: batch.uploaded_by,
    what: (
      <T
        id={batch.parent_batch_id ? "activity.child" : "activity.uploaded"}
        values={{ file: batch.filename }}
      />
    ),
  };
}

function correction(made: Batch["corrections"][number]): Happening {
  return {
    key: `correction ${made.source_account_id} ${made.field}`,
    at: made.at,
    by: made.by,
    what: (
      <T
        id="activity.corrected"
        values={{
          field: made.field,
          from: made.from,
          to: made.to,
          source: <NamedId kind="source" id={made.source_account_id} />,
        }}
      />
    ),
  };
}

/** That somebody asked, and that it was sent back or withdrawn. */
function approvalRequest(request: ApprovalRequest): Happening[] {
  const { request_id: id, ended_at: endedAt, ended_by: endedBy } = request;
  const asked: Happening = {
    key: `asked ${id}`,
    at: request.asked_at,
    by: request.asked_by,
    what: <T id="activity.asked" values={{ note: request.note }} />,
  };
  if (endedAt === null || endedBy === null) return [asked];
  const what =
    request.state === "sent_back" ? (
      <T id="activity.sent-back" values={{ reason: request.end_reason }} />
    ) : (
      <T id="activity.withdrawn" />
    );
  return [asked, { key: `answered ${id}`, at: endedAt, by: endedBy, what }];
}

const DIGEST_SHOWN = 23; // "sha256:" and 16 digits

function approval(batch: Batch): Happening[] {
  if (!batch.approved_by) return [];
  const digest = (batch.digest ?? "").slice(0, DIGEST_SHOWN);
  return [
    {
      key: "approval",
      at: batch.approved_at ?? "",
      by: batch.approved_by,
      what: (
        <>
          <T id="activity.approved" /> <Code>{digest}</Code>
        </>
      ),
    },
  ];
}

function certification(batch: Batch): Happening[] {
  const certificate = batch.certificate as { issued_at?: string; version?: number } | null;
  if (!certificate) return [];
  return [
    {
      key: "certificate",
      at: certificate.issued_at ?? "",
      by: "ledger",
      what: <T id="activity.certified" values={{ version: certificate.version ?? 1 }} />,
    },
  ];
}

function AuditLog({ batchId }: { batchId: string }): ReactElement {
  const log = query.useQuery("get", "/api/v1/audit", {
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
      <QueryView query={log}>{(data) => <AuditTable lines={data.items} />}</QueryView>
    </Card>
  );
}
