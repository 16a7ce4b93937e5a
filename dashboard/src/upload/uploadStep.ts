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
  return !(error instanceof Problem) || error.status === 0 || error.status >= 500;
}
