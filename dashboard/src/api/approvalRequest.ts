/** Requests for the approval of a batch: which one counts, and who may do what about it. */
import type { ApprovalRequest, Batch } from "./client";
import { hasRole, type Person } from "./session";

/** The newest request; undefined if nobody has asked. */
export function newestRequest(batch: Batch): ApprovalRequest | undefined {
  return batch.approval_requests?.at(-1);
}

/** The request that is open. Until it ends, nobody changes the batch. */
export function openRequest(batch: Batch): ApprovalRequest | undefined {
  const newest = newestRequest(batch);
  return newest?.state === "open" ? newest : undefined;
}

/** Whether this person can ask for the approval of the batch now. */
export function mayAsk(batch: Batch, me: Person): boolean {
  return (
    batch.status === "ready" &&
    batch.rows.payable > 0 &&
    openRequest(batch) === undefined &&
    hasRole(me, "preparer")
  );
}

/** Whether this person uploaded the batch or asked for its approval, and so cannot approve it. */
export function isOwn(
  uploadedBy: string,
  requests: readonly (ApprovalRequest | null | undefined)[] | undefined,
  me: Person,
): boolean {
  return uploadedBy === me.id || (requests ?? []).some((one) => one?.asked_by === me.id);
}
