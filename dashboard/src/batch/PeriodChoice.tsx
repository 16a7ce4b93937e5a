/** The question which pay period a batch is for, where nobody named one and two are possible. */
import { lazy, type ReactElement, Suspense } from "react";
import type { Batch } from "../api/client";
import { hasRole, type Person } from "../api/session";
import { useSignedIn } from "../api/signedIn";
import { openRequest } from "../api/approvalRequest";

// Rarely shown.
const ChoosePeriod = lazy(() => import("./ChoosePeriod"));

type PeriodChoiceProps = { batch: Batch; onChosen: () => void };

export function PeriodChoice({ batch, onChosen }: PeriodChoiceProps): ReactElement | null {
  const { me } = useSignedIn();
  if (!mayChoosePeriod(batch, me)) return null;
  return (
    <Suspense>
      <ChoosePeriod batch={batch} onChosen={onChosen} />
    </Suspense>
  );
}

/** Whether this person can choose now. The API takes a choice of a preparer for a ready batch. */
export function mayChoosePeriod(batch: Batch, me: Person): boolean {
  const open = batch.status === "ready" && openRequest(batch) === undefined;
  return open && batch.period_choices.length > 0 && hasRole(me, "preparer");
}
