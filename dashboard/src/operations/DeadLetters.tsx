import Button from "@mui/material/Button";
import { lazy, type ReactElement, Suspense, useState } from "react";
import { type Letter, query } from "../api/client";
import { may } from "../api/session";
import { T, useText } from "../i18n/i18n";
import { Code, When } from "../ui/figures";
import { useMe } from "../ui/me";
import { Card, Empty, Loading, Notice } from "../ui/page";
import { ProblemPanel } from "../ui/ProblemPanel";
import { ListTable } from "../ui/table";

const ReasonDialog = lazy(() => import("../ui/ReasonDialog"));

/** Messages a service could not apply; each may be applied again once its cause is mended. */
export function DeadLetters(): ReactElement {
  const { me } = useMe();
  const text = useText();
  const [asking, setAsking] = useState<Letter | null>(null);
  const found = query.useQuery("get", "/api/v1/ops/dead-letters", {}, { refetchInterval: 10_000 });
  const redrive = query.useMutation("post", "/api/v1/ops/dead-letters/{dead_letter_id}/redrive", {
    onSuccess: () => {
      setAsking(null);
      void found.refetch();
    },
  });
  const letters = found.data?.items ?? [];
  return (
    <Card title={<T id="dead.title" />}>
      <p>
        <T id="dead.means" />
      </p>
      {found.error && <ProblemPanel error={found.error} retry={() => void found.refetch()} />}
      {found.isPending && <Loading />}
      {found.data && found.data.away.length > 0 && (
        <Notice tone="warning">
          <T id="dead.away" values={{ names: found.data.away.join(", ") }} />
        </Notice>
      )}
      {found.data && letters.length === 0 && (
        <Empty>
          <T id="dead.none" />
        </Empty>
      )}
      {letters.length > 0 && (
        <ListTable
          label={text("dead.title")}
          rows={letters}
          id={(letter) => letter.dead_letter_id}
          columns={[
            {
              key: "at",
              head: <T id="column.time" />,
              cell: (letter) => <When at={letter.buried_at} />,
            },
            {
              key: "service",
              head: <T id="operations.service" />,
              cell: (letter) => letter.service,
            },
            {
              key: "topic",
              head: <T id="dead.topic" />,
              cell: (letter) => (
                <>
                  {letter.topic} · {letter.message_type}
                </>
              ),
            },
            {
              key: "why",
              head: <T id="column.reason" />,
              wide: true,
              cell: (letter) => (
                <>
                  {letter.reason} <Code>{letter.code}</Code>
                </>
              ),
            },
            {
              key: "act",
              head: <T id="dead.redrive" />,
              cell: (letter) =>
                letter.redriven_at ? (
                  <T
                    id="dead.redriven"
                    values={{ who: letter.redriven_by ?? "", at: <When at={letter.redriven_at} /> }}
                  />
                ) : may(me, "operator") ? (
                  <Button
                    size="small"
                    variant="outlined"
                    onClick={() => {
                      redrive.reset();
                      setAsking(letter);
                    }}
                  >
                    <T id="dead.redrive" />
                  </Button>
                ) : (
                  <T id="dead.operator" />
                ),
            },
          ]}
        />
      )}
      {asking && (
        <Suspense fallback={null}>
          <ReasonDialog
            title={text("dead.ask")}
            act={text("dead.redrive")}
            reason="none"
            busy={redrive.isPending}
            error={redrive.error}
            onClose={() => setAsking(null)}
            onAct={() =>
              redrive.mutate({ params: { path: { dead_letter_id: asking.dead_letter_id } } })
            }
          >
            <p>
              <T id="dead.ask.means" />
            </p>
          </ReasonDialog>
        </Suspense>
      )}
    </Card>
  );
}
