/** Above the tabs of a batch: somebody asks for its approval, or an approver sent it back. */
import { lazy, type ReactElement, Suspense } from "react";
import type { Batch } from "../api/client";
import { newestRequest } from "../api/approvalRequest";

// Most batches are approved without being asked about.
const OpenRequest = lazy(() => import("./OpenRequest"));
const SentBack = lazy(() => import("./SentBack"));

type ApprovalRequestNoticeProps = { batch: Batch; onAnswered: () => void };

export function ApprovalRequestNotice(props: ApprovalRequestNoticeProps): ReactElement | null {
  const { batch, onAnswered } = props;
  const newest = newestRequest(batch);
  if (newest?.state === "open")
    return (
      <Suspense>
        <OpenRequest batch={batch} request={newest} onAnswered={onAnswered} />
      </Suspense>
    );
  if (newest?.state === "sent_back" && batch.approved_by === null)
    return (
      <Suspense>
        <SentBack request={newest} />
      </Suspense>
    );
  return null;
}
