import type { ReactElement } from "react";
import { api, type DeadLetter, query } from "../api/client";
import { hasRole } from "../api/session";
import { useSignedIn } from "../api/signedIn";
import { ApiText } from "../i18n/ApiText";
import { T, useText } from "../i18n/i18n";
import { ActionButton } from "../ui/ActionButton";
import { Card } from "../ui/Card";
import { Code, DateTime } from "../ui/format";
import { type Column, ListTable } from "../ui/ListTable";
import { Empty } from "../ui/Loading";
import { Notice } from "../ui/Notice";
import { QueryView } from "../ui/QueryView";

/** Messages that a service could not apply. Each can be applied again once its cause is fixed. */
export function DeadLetters(): ReactElement {
  const text = useText();
  const found = query.useQuery("get", "/api/v1/ops/dead-letters", {}, { refetchInterval: 10_000 });
  const columns: readonly Column<DeadLetter>[] = [
    ...MESSAGE_COLUMNS,
    {
      header: "dead-letters.redrive",
      cell: (letter) => <Redrive letter={letter} onRedriven={() => void found.refetch()} />,
    },
  ];
  return (
    <Card title={<T id="dead-letters.title" />}>
      <p>
        <T id="dead-letters.means" />
      </p>
      <QueryView query={found}>
        {({ items, away }) => (
          <>
            {away.length > 0 && (
              <Notice tone="warning">
                <T id="dead-letters.away" values={{ names: away.join(", ") }} />
              </Notice>
            )}
            {items.length > 0 ? (
              <ListTable
                label={text("dead-letters.title")}
                rows={items}
                rowId={(letter) => letter.dead_letter_id}
                columns={columns}
              />
            ) : (
              <Empty>
                <T id="dead-letters.none" />
              </Empty>
            )}
          </>
        )}
      </QueryView>
    </Card>
  );
}

const MESSAGE_COLUMNS: readonly Column<DeadLetter>[] = [
  { header: "column.time", cell: (letter) => <DateTime at={letter.buried_at} /> },
  { header: "operations.service", cell: (letter) => letter.service },
  {
    header: "dead-letters.topic",
    cell: (letter) => (
      <>
        {letter.topic} · {letter.message_type}
      </>
    ),
  },
  {
    header: "column.reason",
    wide: true,
    cell: (letter) => (
      <>
        <ApiText text={letter.reason} /> <Code>{letter.code}</Code>
      </>
    ),
  },
];

type RedriveProps = { letter: DeadLetter; onRedriven: () => void };

/** Who applied the message again; until then a button for operators that does. */
function Redrive({ letter, onRedriven }: RedriveProps): ReactElement {
  const { me } = useSignedIn();
  const { redriven_at: at, redriven_by: who } = letter;
  if (at)
    return <T id="dead-letters.redriven" values={{ who: who ?? "", at: <DateTime at={at} /> }} />;
  if (!hasRole(me, "operator")) return <T id="dead-letters.operator" />;
  return <RedriveButton letter={letter} onRedriven={onRedriven} />;
}

function RedriveButton({ letter, onRedriven }: RedriveProps): ReactElement {
  const text = useText();
  const params = { path: { dead_letter_id: letter.dead_letter_id } };
  return (
    <ActionButton
      name={text("dead-letters.redrive")}
      button={{ size: "small" }}
      title={text("dead-letters.ask")}
      reason="none"
      send={() => api.POST("/api/v1/ops/dead-letters/{dead_letter_id}/redrive", { params })}
      onDone={onRedriven}
    >
      <p>
        <T id="dead-letters.ask.means" />
      </p>
    </ActionButton>
  );
}
