import { useNavigate } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { type Batch, query } from "../../../api/client";
import { Problem } from "../../../api/problem";
import { hasComeBackTo, STEP_UP } from "../../../ui/signInAnew";
import { useBatch } from "../../BatchContext";
import { forgetTicks, keepTicks, type KeptTicks, keptTicks } from "./keptTicks";

/** The name of the approval in the address, when a person comes back from a new sign-in. */
export const APPROVAL = "approve";

/** An excluded row that the approver includes, and why. */
export type IncludedRow = { row_id: string; reason: string };

export type Approval = {
  /** The batch as it was when the person began to look at it. This is what is approved. */
  shown: Batch;
  /** The batch as it is now. */
  current: Batch;
  /** The batch has another digest now, so what is shown cannot be approved. */
  locked: boolean;
  /** It is locked, or the API refused the approval because the batch has changed. */
  changed: boolean;
  /** Codes of the warnings that are ticked. */
  ticked: ReadonlySet<string>;
  tick: (code: string, on: boolean) => void;
  /** Whether the person confirmed the rows and the money. */
  compared: boolean;
  setCompared: (compared: boolean) => void;
  included: IncludedRow[];
  setIncluded: (rows: IncludedRow[]) => void;
  /** When the batch may begin to be sent; null: at once. The first of two approvers chooses. */
  startAt: string | null;
  setStartAt: (startAt: string | null) => void;
  /** How many ticks are missing. */
  missing: number;
  /** Start again with the batch as it is now. */
  restart: () => void;
  approve: () => void;
  approving: boolean;
  error: unknown;
};

/** The ticks of a person who has come back from a new sign-in to this very batch; else null. */
export function keptApproval({ digest }: Batch): KeptTicks | null {
  return hasComeBackTo(APPROVAL) ? keptTicks(digest ?? "") : null;
}

/** The state of an approval. `onRefused` is called when the API refuses it. */
export function useApproval(onRefused: () => void): Approval {
  const { batch: current } = useBatch();
  const [shown, setShown] = useState(current);
  const [kept] = useState(() => keptApproval(current));
  const [ticked, setTicked] = useState<ReadonlySet<string>>(new Set(kept?.ticked));
  const [compared, setCompared] = useState(kept?.compared ?? false);
  useEffect(() => forgetTicks(), []); // they count once
  const [included, setIncluded] = useState<IncludedRow[]>([]);
  const [chosenStart, setStartAt] = useState<string | null>(kept?.startAt ?? null);
  const startAt = current.first_approval ? current.first_approval.start_at : chosenStart;
  const approve = useApprove((error) => {
    if (error instanceof Problem && error.code === STEP_UP && included.length === 0)
      keepTicks(shown.digest ?? "", { ticked: [...ticked], compared, startAt: chosenStart });
    onRefused();
  });
  const refusedAsStale = approve.error instanceof Problem && approve.error.status === 409;
  const locked = current.digest !== shown.digest;
  const unticked = shown.to_acknowledge.filter((code) => !ticked.has(code)).length;
  return {
    shown,
    current,
    locked,
    changed: locked || refusedAsStale,
    ticked,
    tick: (code, on) => setTicked((before) => withCode(before, code, on)),
    compared,
    setCompared,
    included,
    setIncluded,
    startAt: startAt ?? null,
    setStartAt,
    missing: unticked + (compared ? 0 : 1),
    restart: () => {
      setShown(current);
      setTicked(new Set());
      setCompared(false);
      setIncluded([]);
      setStartAt(null);
      approve.reset();
    },
    approve: () =>
      approve.mutate({
        params: { path: { batch_id: shown.batch_id } },
        body: {
          digest: shown.digest ?? "",
          acknowledge: [...ticked],
          include: included,
          start_at: startAt ?? null,
        },
      }),
    approving: approve.isPending,
    error: approve.error,
  };
}

/** Approves the batch and opens the live tab, unless another person must approve it too. */
function useApprove(onRefused: (error?: unknown) => void) {
  const { batch, reload } = useBatch();
  const navigate = useNavigate();
  return query.useMutation("post", "/api/v1/batches/{batch_id}/approve", {
    onSuccess: async ({ status }) => {
      await reload();
      if (status === "ready") onRefused();
      else void navigate({ to: "/batches/$batchId/live", params: { batchId: batch.batch_id } });
    },
    onError: (error) => {
      onRefused(error);
      void reload();
    },
  });
}

function withCode(codes: ReadonlySet<string>, code: string, on: boolean): ReadonlySet<string> {
  const changed = new Set(codes);
  if (on) changed.add(code);
  else changed.delete(code);
  return changed;
}
