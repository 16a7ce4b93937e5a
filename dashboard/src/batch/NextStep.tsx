import { useRouterState } from "@tanstack/react-router";
import type { ReactElement } from "react";
import type { Batch } from "../api/client";
import { hasRole, type Person } from "../api/session";
import { useSignedIn } from "../api/signedIn";
import { ENDED, RUNNING } from "../api/statuses";
import { type MessageId, T } from "../i18n/i18n";
import { ButtonLink } from "../ui/links";
import { isOwn, mayAsk, openRequest } from "../api/approvalRequest";

type Step = {
  tab: "approval" | "checks" | "payments" | "live" | "reports";
  label: MessageId;
};

/**
 * The one thing this person can do next with the batch, as a button; none on the tab where it is
 * done.
 */
export function NextStep({ batch }: { batch: Batch }): ReactElement | null {
  const { me } = useSignedIn();
  const tab = useRouterState({ select: (state) => state.location.pathname.split("/").at(-1) });
  const step = nextStep(batch, me);
  if (!step || step.tab === tab) return null;
  return (
    <ButtonLink
      to={`/batches/$batchId/${step.tab}`}
      params={{ batchId: batch.batch_id }}
      search={step.tab === "payments" ? { status: "held" } : {}}
    >
      <T id={step.label} values={{ n: batch.payments.held }} />
    </ButtonLink>
  );
}

/** What this person can do next with the batch; null if it waits for somebody else. */
export function nextStep(batch: Batch, me: Person): Step | null {
  const preparer = hasRole(me, "preparer");
  if (batch.status === "ready") {
    if (batch.first_approval?.approved_by === me.id) return null;
    if (hasRole(me, "approver") && !isOwn(batch.uploaded_by, batch.approval_requests, me))
      return { tab: "approval", label: "next.approve" };
    if (openRequest(batch)) return null;
    // also while nothing is payable yet: that is when it is needed most
    if (preparer && batch.corrections_offered.length > 0)
      return { tab: "checks", label: "next.correct" };
    return mayAsk(batch, me) ? { tab: "approval", label: "next.ask" } : null;
  }
  if (RUNNING.has(batch.status))
    return batch.payments.held > 0 && hasRole(me, "preparer", "approver")
      ? { tab: "payments", label: "next.held" }
      : { tab: "live", label: "next.watch" };
  return ENDED.has(batch.status) ? { tab: "reports", label: "next.reports" } : null;
}
