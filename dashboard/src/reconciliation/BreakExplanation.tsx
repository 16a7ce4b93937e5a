/**
 * How two people explain a difference: one proposes what it is, another one, an approver, confirms.
 * Once explained it does not keep the batch from its certificate, unless it changes.
 */
import { useQueryClient } from "@tanstack/react-query";
import type { ReactElement } from "react";
import { api, type Break, type BreakProposal } from "../api/client";
import { hasRole } from "../api/session";
import { useSignedIn } from "../api/signedIn";
import { T } from "../i18n/i18n";
import { AcknowledgedBy } from "../ui/AcknowledgedBy";
import { DecideButton } from "../ui/DecideButton";
import { DateTime, Money } from "../ui/format";
import { Notice } from "../ui/Notice";

const ACTS = ["by-hand", "fee", "accepted", "recovered", "explained"] as const;
type Act = (typeof ACTS)[number];
/** The differences that people can explain; the others end when something arrives or is mended. */
const EXPLAINABLE = new Set(["orphan", "missing_here", "amount", "wrong_account"]);
const BREAKS_PATH = "/api/v1/reconciliation/breaks";

type BreakProps = { found: Break };

/** What people said about a difference, or the button with which they say it. */
export function BreakExplanation({ found }: BreakProps): ReactElement {
  const { me } = useSignedIn();
  if (found.acknowledgement) return <AcknowledgedBy explained={found.acknowledgement} />;
  if (found.status !== "open" || !isExplainable(found)) return <>—</>;
  return (
    <>
      {found.proposal && <ProposalText proposal={found.proposal} />}
      {hasRole(me, "approver", "preparer") ? <ExplainButton found={found} /> : "—"}
    </>
  );
}

function isExplainable({ kind, subject }: Break): boolean {
  return EXPLAINABLE.has(kind) || (kind === "status" && subject === "unbound");
}

function ProposalText({ proposal }: { proposal: BreakProposal }): ReactElement {
  return (
    <div>
      <T
        id="explain.proposed"
        values={{
          who: proposal.by_whom,
          at: <DateTime at={proposal.at} />,
          act: <T id={`explain.${proposal.act}`} />,
          why: proposal.reason,
        }}
      />
    </div>
  );
}

function ExplainButton({ found }: BreakProps): ReactElement {
  const queries = useQueryClient();
  return (
    <DecideButton<Act>
      button="explain.open"
      title="explain.title"
      confirm="explain.send"
      question="explain.act"
      acts={ACTS}
      actLabel={(act) => `explain.${act}`}
      first={found.proposal?.act ?? "explained"}
      send={(act, reason) =>
        api.POST("/api/v1/reconciliation/breaks/{break_id}/acknowledge", {
          params: { path: { break_id: found.break_id } },
          body: { act, reason, evidence: found.evidence },
        })
      }
      onSettled={() => void queries.invalidateQueries({ queryKey: ["get", BREAKS_PATH] })}
      above={
        <p>
          <T id="explain.means" />
        </p>
      }
      below={
        <Notice tone="info">
          <T id="explain.money" values={{ amount: <Money cents={found.amount_cents} /> }} />
        </Notice>
      }
    />
  );
}
