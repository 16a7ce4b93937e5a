/** Whether a file was uploaded before. */
import { api, type BatchLine } from "../api/client";
import { rememberedBatch } from "./rememberedUploads";

/** Batches of which nothing was or will be paid; a file of one of these may be uploaded again. */
const WITHOUT_PAYMENTS: ReadonlySet<string> = new Set([
  "rejected",
  "discarded",
  "expired",
  "cancelled",
]);

const isLive = (batch: { status: string }) => !WITHOUT_PAYMENTS.has(batch.status);

/**
 * The oldest live batch of a file with this hash.
 *
 * The server is asked first. If it does not answer, the batch that this browser remembers is
 * looked at. Null if there is none or nothing answers; then the server refuses the upload itself.
 */
export async function previousUpload(sha256: string): Promise<BatchLine | null> {
  try {
    const { data } = await api.GET("/api/v1/batches", {
      params: { query: { sha256, limit: 100 } },
    });
    if (data) return (data.items as BatchLine[]).findLast(isLive) ?? null;
  } catch {
    // The remembered batch is looked at below.
  }
  const remembered = rememberedBatch(sha256);
  return remembered ? findLiveBatch(remembered) : null;
}

async function findLiveBatch(batchId: string): Promise<BatchLine | null> {
  try {
    const { data } = await api.GET("/api/v1/batches/{batch_id}", {
      params: { path: { batch_id: batchId } },
    });
    return data && isLive(data) ? (data as BatchLine) : null;
  } catch {
    return null;
  }
}
