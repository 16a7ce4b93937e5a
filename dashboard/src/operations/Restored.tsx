import Button from "@mui/material/Button";
import { useQueryClient } from "@tanstack/react-query";
import { lazy, type ReactElement, Suspense, useState } from "react";
import { query } from "../api/client";
import { may } from "../api/session";
import { T, useText } from "../i18n/i18n";
import { When } from "../ui/figures";
import { useMe } from "../ui/me";
import { Card, Notice } from "../ui/page";
import { ProblemPanel } from "../ui/ProblemPanel";
import { ListTable } from "../ui/table";

const ReasonDialog = lazy(() => import("../ui/ReasonDialog"));
const PATH = "/api/v1/ops/restored";

/** Databases that came back from a backup: what is held, why, how far it is, and the release by two people. Nothing is shown while none is held. */
export function Restored(): ReactElement | null {
  const { me } = useMe();
  const text = useText();
  const queries = useQueryClient();
  const [asking, setAsking] = useState(false);
  const found = query.useQuery("get", PATH, {}, { refetchInterval: 5_000 });
  const release = query.useMutation("post", `${PATH}/release`, {
    onSuccess: () => {
      setAsking(false);
      void queries.invalidateQueries({ queryKey: ["get", PATH] });
    },
  });
  if (found.error)
    return (
      <Card title={<T id="restored.title" />}>
        <ProblemPanel error={found.error} retry={() => void found.refetch()} />
      </Card>
    );
  const held = found.data?.services.filter((service) => service.held) ?? [];
  if (held.length === 0) return null;
  const proposed = held.find((service) => service.proposed_by)?.proposed_by;
  const act = text(proposed ? "restored.confirm" : "restored.propose");
  return (
    <Card
      title={<T id="restored.title" />}
      actions={
        may(me, "operator", "approver") &&
        held.some((service) => service.settled) && (
          <Button
            variant="contained"
            disabled={proposed === me.id}
            onClick={() => {
              release.reset();
              setAsking(true);
            }}
          >
            {act}
          </Button>
        )
      }
    >
      <Notice tone="error" icon="stop" live>
        <T id="restored.means" />
      </Notice>
      <ListTable
        label={text("restored.title")}
        rows={held}
        id={(service) => service.name}
        columns={[
          { key: "name", head: <T id="operations.service" />, cell: (service) => service.name },
          {
            key: "why",
            head: <T id="restored.why" />,
            wide: true,
            cell: (service) => (
              <>
                {service.why}
                {service.noticed_at && (
                  <>
                    {" "}
                    (<When at={service.noticed_at} />)
                  </>
                )}
              </>
            ),
          },
          {
            key: "progress",
            head: <T id="restored.progress" />,
            wide: true,
            cell: (service) => service.progress || "—",
          },
          {
            key: "proposed",
            head: <T id="restored.proposed" />,
            cell: (service) => service.proposed_by ?? "—",
          },
        ]}
      />
      {asking && (
        <Suspense fallback={null}>
          <ReasonDialog
            title={text("restored.ask")}
            act={act}
            tone="primary"
            reason="required"
            busy={release.isPending}
            error={release.error}
            onClose={() => setAsking(false)}
            onAct={(reason) => release.mutate({ body: { reason } })}
          >
            <p>
              <T id="restored.ask.means" />
            </p>
          </ReasonDialog>
        </Suspense>
      )}
    </Card>
  );
}
