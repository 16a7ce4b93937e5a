/** Sends the file with XMLHttpRequest, the one way that tells how much has gone out. */
import { Problem } from "../api/problem";
import { session } from "../api/session";
import type { Prepared } from "./prepare";

export type Order = { period: string; repeatReason: string };
export type Progress = { sent: number; total: number };

/** The new batch's id. Throws a Problem; `signal` cancels. The same `key` sent again after a lost answer makes no second batch. */
export function send(
  file: Prepared,
  order: Order,
  key: string,
  signal: AbortSignal,
  onProgress: (progress: Progress) => void,
): Promise<string> {
  const params = new URLSearchParams({ filename: file.name });
  if (order.period) params.set("period", order.period);
  if (order.repeatReason) params.set("repeat_reason", order.repeatReason);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/api/v1/batches?${params.toString()}`);
    for (const [name, value] of Object.entries(session.headers()))
      request.setRequestHeader(name, value);
    request.setRequestHeader("Content-Type", "application/gzip");
    request.setRequestHeader("Idempotency-Key", key);
    request.upload.onprogress = (event) => onProgress({ sent: event.loaded, total: event.total });
    request.onload = () => {
      const body = parsed(request.responseText);
      if (request.status === 202 && typeof body.batch_id === "string") resolve(body.batch_id);
      else reject(new Problem("code" in body ? body : { code: "answer.unknown" }, request.status));
    };
    request.onerror = () => reject(new Problem({ code: "network.none" }, 0));
    request.onabort = () => reject(new Problem({ code: "upload.cancelled" }, 0));
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(file.body);
  });
}

function parsed(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}
