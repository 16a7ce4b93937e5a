import type { ReactElement } from "react";
import type { components } from "../api/gateway";
import { T, useText } from "../i18n/i18n";
import { Code, ShortId, When } from "../ui/figures";
import { Link } from "../ui/links";
import { ListTable } from "../ui/table";

type Line = components["schemas"]["AuditLine"];
const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export function AuditTable({ lines }: { lines: readonly Line[] }): ReactElement {
  const text = useText();
  return (
    <ListTable
      label={text("nav.audit")}
      rows={lines}
      id={(line) => String(line.seq)}
      columns={[
        { key: "seq", head: <T id="audit.seq" />, right: true, cell: (line) => line.seq },
        { key: "at", head: <T id="column.time" />, cell: (line) => <When at={line.at} /> },
        {
          key: "who",
          head: <T id="audit.who" />,
          cell: (line) => (
            <>
              {line.person} ({line.roles.join(", ")})
            </>
          ),
        },
        {
          key: "kind",
          head: <T id="column.kind" />,
          cell: (line) => <T id={`audit.${line.kind}`} />,
        },
        {
          key: "what",
          head: <T id="column.what" />,
          wide: true,
          cell: (line) => <Code>{`${line.method} ${line.path}`}</Code>,
        },
        {
          key: "status",
          head: <T id="audit.status" />,
          right: true,
          cell: (line) => line.status ?? "—",
        },
        {
          key: "subject",
          head: <T id="audit.subject" />,
          cell: (line) =>
            line.path.includes("/batches") && ID.test(line.subject) ? (
              <Link to="/batches/$batchId" params={{ batchId: line.subject }}>
                <ShortId id={line.subject} />
              </Link>
            ) : (
              line.subject || "—"
            ),
        },
        {
          key: "request",
          head: <T id="problem.request" />,
          cell: (line) => <Code>{line.request_id.slice(0, 12)}</Code>,
        },
      ]}
    />
  );
}
