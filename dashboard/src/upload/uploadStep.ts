import type { BatchLine } from "../api/client";
import { Problem } from "../api/problem";
import type { InspectedFile } from "./inspectFile";
import type { UploadOptions, UploadProgress } from "./sendFile";

/** An upload whose answer is not known: it is asked for again with the same key. */
export type UnansweredUpload = { key: string; options: UploadOptions };

/** A file that was chosen, before it is sent or after sending it failed. */
export type ConfirmStep = {
  at: "confirm";
  file: InspectedFile;
  /** The batch that this file became before, if it did. */
  previous: BatchLine | null;
  error?: unknown;
  unanswered?: UnansweredUpload;
};
export type SendStep = {
  at: "send";
  file: InspectedFile;
  progress: UploadProgress;
  cancel: () => void;
};

/** How far an upload is. */
export type UploadStep =
  | { at: "choose"; error?: unknown }
  | { at: "inspect"; name: string }
  | ConfirmStep
  | SendStep
  | { at: "uploaded"; batchId: string };

/**
 * The idempotency key of the next try. The key of a try whose answer is not known is kept, as long
 * as the same is asked for, so that it makes no second batch; a refused one gets a new key.
 */
export function uploadKey(
  unanswered: UnansweredUpload | undefined,
  options: UploadOptions,
): string {
  const isSame =
    unanswered?.options.period === options.period &&
    unanswered.options.repeatReason === options.repeatReason;
  return isSame ? unanswered.key : crypto.randomUUID();
}

/** Whether a failed upload may have been taken: there was no answer, or one of a server's fault. */
export function isUnanswered(error: unknown): boolean {
  if (!(error instanceof Problem)) return true;
  return error.status === 0 || error.status >= 500 || error.code === "answer.unknown";
}

/**
 * The error as it is shown. That a proxy took nothing is true of its own try only: it is not known
 * of the file while an earlier try is without an answer.
 */
export function shownError(error: unknown, left: UnansweredUpload | undefined): unknown {
  if (!left || !(error instanceof Problem) || !isOfProxy(error)) return error;
  return new Problem({ code: "answer.unknown" }, error.status);
}

const isOfProxy = ({ code }: Problem): boolean => code.startsWith("proxy.");

/**
 * The upload without an answer that is left after a try has failed. A refusal ends only the try
 * that it answers, and only if the gateway has looked for a batch of its key: an earlier one is
 * still open after any other refusal.
 */
export function leftUnanswered(
  before: UnansweredUpload | undefined,
  tried: UnansweredUpload,
  error: unknown,
): UnansweredUpload | undefined {
  if (isUnanswered(error)) return tried;
  return before?.key !== tried.key || isRefusedBeforeLookUp(error) ? before : undefined;
}

/** Statuses that come from before the look-up of the key: who asks, and how often. */
const BEFORE_LOOK_UP: ReadonlySet<number> = new Set([401, 403, 429]);

function isRefusedBeforeLookUp(error: unknown): boolean {
  if (!(error instanceof Problem)) return false;
  const { code, status } = error;
  return BEFORE_LOOK_UP.has(status) || code === "idempotency.in-progress" || isOfProxy(error);
}
