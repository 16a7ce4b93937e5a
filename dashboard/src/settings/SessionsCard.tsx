import Button from "@mui/material/Button";
import type { ReactElement } from "react";
import { query, type Session } from "../api/client";
import { hasRole } from "../api/session";
import { useSignedIn } from "../api/signedIn";
import { T, useText } from "../i18n/i18n";
import { Card } from "../ui/Card";
import { DateTime } from "../ui/format";
import { type Column, ListTable } from "../ui/ListTable";
import { Empty } from "../ui/Loading";
import { ProblemPanel } from "../ui/ProblemPanel";
import { QueryView } from "../ui/QueryView";

/** Where the person is signed in, and an end for each session; everybody's for administrators. */
export function SessionsCard(): ReactElement {
  const sessions = query.useQuery("get", "/api/v1/sessions", {});
  const end = query.useMutation("delete", "/api/v1/sessions/{session_id}", {
    onSettled: () => void sessions.refetch(),
  });
  return (
    <Card title={<T id="sessions.title" />}>
      <p>
        <T id="sessions.means" />
      </p>
      {end.error && <ProblemPanel error={end.error} unsafe />}
      <QueryView query={sessions}>
        {({ items }) =>
          items.length > 0 ? (
            <SessionTable
              sessions={items}
              busy={end.isPending}
              onEnd={(id) => end.mutate({ params: { path: { session_id: id } } })}
            />
          ) : (
            <Empty>
              <T id="sessions.none" />
            </Empty>
          )
        }
      </QueryView>
    </Card>
  );
}

type SessionTableProps = {
  sessions: readonly Session[];
  busy: boolean;
  onEnd: (sessionId: string) => void;
};

function SessionTable({ sessions, busy, onEnd }: SessionTableProps): ReactElement {
  const { me } = useSignedIn();
  const text = useText();
  const columns: readonly Column<Session>[] = [
    ...(hasRole(me, "admin") ? [PERSON_COLUMN] : []),
    ...TIME_COLUMNS,
    {
      header: "sessions.end",
      cell: (session) =>
        session.current ? (
          <T id="sessions.this" />
        ) : (
          <EndButton session={session} busy={busy} onEnd={onEnd} />
        ),
    },
  ];
  return (
    <ListTable
      label={text("sessions.title")}
      rows={sessions}
      rowId={(session) => session.session_id}
      columns={columns}
    />
  );
}

const PERSON_COLUMN: Column<Session> = { header: "settings.name", cell: ({ person }) => person };
const TIME_COLUMNS: readonly Column<Session>[] = [
  { header: "sessions.started", cell: (session) => <DateTime at={session.started_at} /> },
  { header: "sessions.seen", cell: (session) => <DateTime at={session.seen_at} /> },
  { header: "sessions.ends", cell: (session) => <DateTime at={session.ends_at} /> },
];

type EndButtonProps = { session: Session; busy: boolean; onEnd: (sessionId: string) => void };

function EndButton({ session, busy, onEnd }: EndButtonProps): ReactElement {
  const text = useText();
  const { person, session_id: id } = session;
  return (
    <Button
      size="small"
      variant="outlined"
      color="error"
      disabled={busy}
      aria-label={text("sessions.end.one", { person })}
      onClick={() => onEnd(id)}
    >
      <T id="sessions.end" />
    </Button>
  );
}
