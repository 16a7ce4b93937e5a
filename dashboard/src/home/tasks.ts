/** What a person has to do or to know. */
import type { BatchLine } from "../api/client";
import { hasRole, type Person } from "../api/session";
import { isScheduled, RUNNING } from "../api/statuses";
import { isOwn } from "../api/approvalRequest";
import type { MessageId } from "../i18n/i18n";

export type Task = {
  batch: BatchLine;
  message: MessageId;
  tab: "approval" | "checks" | "live" | "failures" | "overview";
  /** Low ranks come first in the list. */
  rank: number;
};

/** The tasks that these batches are for this person; what waits for a person comes first. */
export function tasksOf(batches: readonly BatchLine[], me: Person): Task[] {
  return batches.flatMap((batch) => taskOf(batch, me)).toSorted((a, b) => a.rank - b.rank);
}

function taskOf(batch: BatchLine, me: Person): Task[] {
  const preparer = hasRole(me, "preparer");
  const { status } = batch;
  if (status === "ready") return [approvalTask(batch, me)];
  if (status === "paused") return [{ batch, message: "task.paused", tab: "live", rank: 1 }];
  if (isScheduled(batch)) return [{ batch, message: "task.scheduled", tab: "live", rank: 3 }];
  if (RUNNING.has(status)) return [{ batch, message: "task.running", tab: "live", rank: 3 }];
  if (status === "completed_with_failures")
    return [{ batch, message: "task.failures", tab: "failures", rank: 1 }];
  if (status === "rejected" && preparer)
    return [{ batch, message: "task.rejected", tab: "overview", rank: 2 }];
  if (status === "receiving" || status === "reading" || status === "checking")
    return [{ batch, message: "task.checking", tab: "overview", rank: 4 }];
  return [];
}

/** A ready batch: to approve for an approver who did not upload it, to look at for anybody else. */
function approvalTask(batch: BatchLine, me: Person): Task {
  const request = batch.approval_request;
  if (request?.state === "sent_back")
    return hasRole(me, "preparer")
      ? { batch, message: "task.sent-back", tab: "checks", rank: 0 }
      : { batch, message: "task.was-sent-back", tab: "overview", rank: 2 };
  const mayApprove = hasRole(me, "approver") && batch.first_approved_by !== me.id;
  if (mayApprove && !isOwn(batch.uploaded_by, [request], me))
    return { batch, message: "task.approve", tab: "approval", rank: 0 };
  if (request?.state === "open" || batch.first_approved_by)
    return { batch, message: "task.awaits-approval", tab: "overview", rank: 2 };
  return hasRole(me, "preparer")
    ? { batch, message: "task.review", tab: "checks", rank: 2 }
    : { batch, message: "task.awaits-approval", tab: "overview", rank: 2 };
}
