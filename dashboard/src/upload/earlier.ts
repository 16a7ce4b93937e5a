/** Whether these very bytes were uploaded before: the server knows; where it does not answer, what this browser remembers. */
import { api, type BatchLine } from "../api/client";
import { rememberedBatch } from "./prepare";

const NOT_LIVE: ReadonlySet<string> = new Set(["rejected", "discarded", "expired", "cancelled"]);

/** The oldest live batch of these bytes; null if there is none, or nobody can say: then the server says it at the upload. */
export async function earlier(sha256: string): Promise<BatchLine | null> {
  try {
    const { data } = await api.GET("/api/v1/batches", {
      params: { query: { sha256, limit: 100 } },
    });
    if (data)
      return (data.items as BatchLine[]).findLast((batch) => !NOT_LIVE.has(batch.status)) ?? null;
  } catch {
    // asked again below, for the one batch this browser remembers
  }
  const id = rememberedBatch(sha256);
  if (!id) return null;
  try {
    const { data } = await api.GET("/api/v1/batches/{batch_id}", {
      params: { path: { batch_id: id } },
    });
    return data && !NOT_LIVE.has(data.status) ? (data as BatchLine) : null;
  } catch {
    return null;
  }
}
