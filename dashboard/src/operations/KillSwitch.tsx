import { useQueryClient } from "@tanstack/react-query";
import type { ReactElement } from "react";
import { api, query, type KillSwitchState } from "../api/client";
import { hasRole } from "../api/session";
import { useSignedIn } from "../api/signedIn";
import { ApiText } from "../i18n/ApiText";
import { T, useText } from "../i18n/i18n";
import { ActionButton } from "../ui/ActionButton";
import { Card } from "../ui/Card";
import { DateTime } from "../ui/format";
import { Notice } from "../ui/Notice";
import { QueryView } from "../ui/QueryView";

const PATH = "/api/v1/ops/kill-switch";

/** Stops everything that is sent to the provider, or allows it again. */
export function KillSwitch(): ReactElement {
  const { me } = useSignedIn();
  const found = query.useQuery("get", PATH, {}, { refetchInterval: 5_000 });
  const maySwitch = hasRole(me, "operator", "approver");
  return (
    <Card
      title={<T id="kill.title" />}
      actions={maySwitch && found.data && <SwitchButton on={found.data.on} />}
    >
      <QueryView query={found}>{(state) => <SwitchNotice state={state} />}</QueryView>
      <p>
        <T id="kill.means" />
      </p>
    </Card>
  );
}

function SwitchNotice({ state }: { state: KillSwitchState }): ReactElement {
  const { on, by_whom: who, reason: why, at, off_proposed_by: proposer } = state;
  return (
    <Notice tone={on ? "error" : "success"}>
      <T id={on ? "kill.on" : "kill.off"} values={{ who, why: <ApiText text={why} /> }} />{" "}
      {who && <T id="kill.last" values={{ who, at: <DateTime at={at} /> }} />}{" "}
      {proposer && <T id="kill.proposed" values={{ who: proposer }} />}
    </Notice>
  );
}

function SwitchButton({ on }: { on: boolean }): ReactElement {
  const text = useText();
  const queries = useQueryClient();
  return (
    <ActionButton
      name={text(on ? "kill.release" : "kill.engage")}
      button={on ? { variant: "contained" } : { color: "error" }}
      title={text(on ? "kill.release.ask" : "kill.engage.ask")}
      tone={on ? "primary" : "error"}
      reason="required"
      dialog="kill-switch"
      send={(reason) => api.POST(PATH, { body: { on: !on, reason } })}
      onDone={() => void queries.invalidateQueries({ queryKey: ["get", PATH] })}
    >
      <p>
        <T id="kill.means" />
      </p>
    </ActionButton>
  );
}
