import type { BatchLine } from "../api/client";
import type { InspectedFile } from "./inspectFile";
import type { UploadProgress } from "./sendFile";

/** A file that was chosen, before it is sent or after sending it failed. */
export type ConfirmStep = {
  at: "confirm";
  file: InspectedFile;
  /** The batch that this file became before, if it did. */
  previous: BatchLine | null;
  error?: unknown;
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
