import Button from "@mui/material/Button";
import { useQueryClient } from "@tanstack/react-query";
import { type ReactElement, useState } from "react";
import { query, type KillSwitchState } from "../api/client";
import { hasRole } from "../api/session";
import { useSignedIn } from "../api/signedIn";
import { T, useText } from "../i18n/i18n";
import { ActionDialog } from "../ui/ActionDialog";
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
      <T id={on ? "kill.on" : "kill.off"} values={{ who, why }} />{" "}
      {who && <T id="kill.last" values={{ who, at: <DateTime at={at} /> }} />}{" "}
      {proposer && <T id="kill.proposed" values={{ who: proposer }} />}
    </Notice>
  );
}

function SwitchButton({ on }: { on: boolean }): ReactElement {
  const text = useText();
  const queries = useQueryClient();
  const [open, setOpen] = useState(false);
  const turn = query.useMutation("post", PATH, {
    onSuccess: () => {
      setOpen(false);
      void queries.invalidateQueries({ queryKey: ["get", PATH] });
    },
  });
  const label = text(on ? "kill.release" : "kill.engage");
  return (
    <>
      <Button
        variant={on ? "contained" : "outlined"}
        color={on ? "primary" : "error"}
        onClick={() => {
          turn.reset();
          setOpen(true);
        }}
      >
        {label}
      </Button>
      {open && (
        <ActionDialog
          title={text(on ? "kill.release.ask" : "kill.engage.ask")}
          confirm={label}
          tone={on ? "primary" : "error"}
          reason="required"
          busy={turn.isPending}
          error={turn.error}
          onClose={() => setOpen(false)}
          onConfirm={(reason) => turn.mutate({ body: { on: !on, reason } })}
        >
          <p>
            <T id="kill.means" />
          </p>
        </ActionDialog>
      )}
    </>
  );
}
