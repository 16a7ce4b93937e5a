import Button from "@mui/material/Button";
import { useQueryClient } from "@tanstack/react-query";
import { lazy, type ReactElement, Suspense, useState } from "react";
import { query } from "../api/client";
import { may } from "../api/session";
import { T, useText } from "../i18n/i18n";
import { When } from "../ui/figures";
import { useMe } from "../ui/me";
import { Card, Loading, Notice } from "../ui/page";
import { ProblemPanel } from "../ui/ProblemPanel";

const ReasonDialog = lazy(() => import("../ui/ReasonDialog"));

/** Stops everything that goes to the provider, or lets it go on. */
export function KillSwitch(): ReactElement {
  const { me } = useMe();
  const text = useText();
  const queries = useQueryClient();
  const [asking, setAsking] = useState(false);
  const found = query.useQuery("get", "/api/v1/ops/kill-switch", {}, { refetchInterval: 5_000 });
  const turn = query.useMutation("post", "/api/v1/ops/kill-switch", {
    onSuccess: () => {
      setAsking(false);
      void queries.invalidateQueries({ queryKey: ["get", "/api/v1/ops/kill-switch"] });
    },
  });
  const state = found.data;
  return (
    <Card
      title={<T id="kill.title" />}
      actions={
        state &&
        may(me, "operator", "approver") && (
          <Button
            variant={state.on ? "contained" : "outlined"}
            color={state.on ? "primary" : "error"}
            onClick={() => {
              turn.reset();
              setAsking(true);
            }}
          >
            <T id={state.on ? "kill.release" : "kill.engage"} />
          </Button>
        )
      }
    >
      {found.error && <ProblemPanel error={found.error} retry={() => void found.refetch()} />}
      {!state && !found.error && <Loading />}
      {state && (
        <Notice tone={state.on ? "error" : "success"}>
          <T
            id={state.on ? "kill.on" : "kill.off"}
            values={{ who: state.by_whom, why: state.reason }}
          />{" "}
          {state.by_whom && (
            <T id="kill.last" values={{ who: state.by_whom, at: <When at={state.at} /> }} />
          )}
        </Notice>
      )}
      <p>
        <T id="kill.means" />
      </p>
      {asking && state && (
        <Suspense fallback={null}>
          <ReasonDialog
            title={text(state.on ? "kill.release.ask" : "kill.engage.ask")}
            act={text(state.on ? "kill.release" : "kill.engage")}
            tone={state.on ? "primary" : "error"}
            reason="required"
            busy={turn.isPending}
            error={turn.error}
            onClose={() => setAsking(false)}
            onAct={(reason) => turn.mutate({ body: { on: !state.on, reason } })}
          >
            <p>
              <T id="kill.means" />
            </p>
          </ReasonDialog>
        </Suspense>
      )}
    </Card>
  );
}
