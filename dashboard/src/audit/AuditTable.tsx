import type { ReactElement } from "react";
import type { AuditLine } from "../api/client";
import { T, useText } from "../i18n/i18n";
import { Code, DateTime, ShortId } from "../ui/format";
import { Link } from "../ui/links";
import { type Column, ListTable } from "../ui/ListTable";

/** Lines of the audit log. */
export function AuditTable({ lines }: { lines: readonly AuditLine[] }): ReactElement {
  const text = useText();
  return (
    <ListTable
      label={text("nav.audit")}
      rows={lines}
      rowId={(line) => String(line.seq)}
      columns={COLUMNS}
    />
  );
}

const REQUEST_ID_SHOWN = 12;
const COLUMNS: readonly Column<AuditLine>[] = [
  { header: "audit.seq", numeric: true, cell: (line) => line.seq },
  { header: "column.time", cell: (line) => <DateTime at={line.at} /> },
  {
    header: "audit.who",
    cell: (line) => (
      <>
        {line.person} ({line.roles.join(", ")})
      </>
    ),
  },
  { header: "column.kind", cell: (line) => <T id={`audit.${line.kind}`} /> },
  {
    header: "column.what",
    wide: true,
    cell: (line) => <Code>{`${line.method} ${line.path}`}</Code>,
  },
  { header: "audit.status", numeric: true, cell: (line) => line.status ?? "—" },
  { header: "audit.address", cell: (line) => <Address of={line} /> },
  { header: "audit.subject", cell: (line) => <Subject line={line} /> },
  {
    header: "problem.request",
    cell: (line) => <Code>{line.request_id.slice(0, REQUEST_ID_SHOWN)}</Code>,
  },
];

/** Not broken within an IPv4 address; an IPv6 address is too long for that. */
function Address({ of: { address } }: { of: AuditLine }): ReactElement {
  const style = address.includes(".") ? ({ whiteSpace: "nowrap" } as const) : undefined;
  return (
    <span style={style}>
      <Code>{address || "—"}</Code>
    </span>
  );
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** What a request was about; a batch is a link to its page. */
function Subject({ line: { path, subject } }: { line: AuditLine }): ReactElement {
  if (!path.includes("/batches") || !UUID.test(subject)) return <>{subject || "—"}</>;
  return (
    <Link to="/batches/$batchId" params={{ batchId: subject }}>
      <ShortId id={subject} />
    </Link>
  );
}
