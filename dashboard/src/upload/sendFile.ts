import { Problem, problemOf } from "../api/problem";
import { session } from "../api/session";
import type { InspectedFile } from "./inspectFile";

export type UploadOptions = { period: string; repeatReason: string };
/** In bytes. */
export type UploadProgress = { sent: number; total: number };

/**
 * Upload a roster; returns the id of its batch.
 *
 * `XMLHttpRequest` is used because only it reports how much was sent. `signal` cancels. A second
 * call with the same `key`, after a lost answer, makes no second batch. Throws a Problem.
 */
export function sendFile(
  file: InspectedFile,
  options: UploadOptions,
  key: string,
  signal: AbortSignal,
  onProgress: (progress: UploadProgress) => void,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/api/v1/batches?${uploadParams(file, options)}`);
    for (const [name, value] of Object.entries(session.headers()))
      request.setRequestHeader(name, value);
    request.setRequestHeader("Content-Type", "application/gzip");
    request.setRequestHeader("Idempotency-Key", key);
    request.upload.onprogress = (event) => onProgress({ sent: event.loaded, total: event.total });
    request.onload = () => {
      const body = parseBody(request.responseText);
      if (request.status === 202 && typeof body.batch_id === "string") resolve(body.batch_id);
      else reject(problemOf(body, request.status));
    };
    request.onerror = () => reject(new Problem({ code: "network.none" }, 0));
    request.onabort = () => reject(new Problem({ code: "upload.cancelled" }, 0));
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(file.body);
  });
}

function uploadParams(file: InspectedFile, { period, repeatReason }: UploadOptions): string {
  const params = new URLSearchParams({ filename: file.name });
  if (period) params.set("period", period);
  if (repeatReason) params.set("repeat_reason", repeatReason);
  return params.toString();
}

function parseBody(text: string): Record<string, unknown> {
  try {
    return (JSON.parse(text) as Record<string, unknown> | null) ?? {};
  } catch {
    return {}; // a page of a proxy
  }
}
