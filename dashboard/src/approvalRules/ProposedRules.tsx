import type { ReactElement } from "react";
import { api, type ApprovalRules } from "../api/client";
import { hasRole } from "../api/session";
import { useSignedIn } from "../api/signedIn";
import { T, useText } from "../i18n/i18n";
import { ActionButton } from "../ui/ActionButton";
import { Card } from "../ui/Card";
import { DateTime } from "../ui/format";
import { ButtonRow } from "../ui/layout";
import { Notice } from "../ui/Notice";
import { Rules } from "./Rules";

type ProposedRulesProps = { proposal: ApprovalRules; onEnded: () => void };

/** Rules that wait for a second person, who confirms or rejects them. */
export function ProposedRules({ proposal, onEnded }: ProposedRulesProps): ReactElement {
  const { me } = useSignedIn();
  const able = hasRole(me, "admin", "approver");
  return (
    <Card title={<T id="rules.proposal" />}>
      <p>
        <T
          id="rules.proposal.by"
          values={{
            person: <b>{proposal.proposed_by}</b>,
            at: <DateTime at={proposal.proposed_at} />,
            reason: <q>{proposal.reason}</q>,
          }}
        />
      </p>
      <Rules rules={proposal.rules} />
      <p>
        <T id="rules.tried" values={{ n: proposal.tried, two: proposal.tried_two }} />
      </p>
      {proposal.proposed_by === me.id && (
        <Notice tone="info">
          <T id="rules.own" />
        </Notice>
      )}
      {able && (
        <ButtonRow>
          {proposal.proposed_by !== me.id && <Confirm proposal={proposal} onEnded={onEnded} />}
          <Reject proposal={proposal} onEnded={onEnded} />
        </ButtonRow>
      )}
    </Card>
  );
}

function Confirm({ proposal, onEnded }: ProposedRulesProps): ReactElement {
  const text = useText();
  const params = { path: { rules_version: proposal.rules_version } };
  return (
    <ActionButton
      name={text("rules.confirm")}
      button={{ variant: "contained" }}
      title={text("rules.confirm.ask")}
      reason="none"
      dialog="confirm-rules"
      send={() => api.POST("/api/v1/approval-rules/{rules_version}/confirm", { params })}
      onDone={onEnded}
    >
      <p>
        <T id="rules.confirm.means" />
      </p>
    </ActionButton>
  );
}

function Reject({ proposal, onEnded }: ProposedRulesProps): ReactElement {
  const text = useText();
  const params = { path: { rules_version: proposal.rules_version } };
  return (
    <ActionButton
      name={text("rules.reject")}
      title={text("rules.reject.ask")}
      tone="warning"
      reason="required"
      send={(reason) =>
        api.POST("/api/v1/approval-rules/{rules_version}/reject", { params, body: { reason } })
      }
      onDone={onEnded}
    >
      <p>
        <T id="rules.reject.means" />
      </p>
    </ActionButton>
  );
}
