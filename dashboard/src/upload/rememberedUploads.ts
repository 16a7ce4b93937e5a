/**
 * The batches that this browser made, by the hash of their file. Only hashes and ids are stored.
 * It is a convenience: what counts is the server's answer to a repeated upload.
 */
const STORAGE_KEY = "paydown.uploads";
const REMEMBERED_MAX = 50;
type BrowserStorage = Pick<Storage, "getItem" | "setItem">;

/** The batch this browser made of a file with this hash; undefined if it remembers none. */
export function rememberedBatch(
  sha256: string,
  storage: BrowserStorage = window.localStorage,
): string | undefined {
  return readUploads(storage).find(([hash]) => hash === sha256)?.[1];
}

/** Remember which batch a file became. A second upload of the same file replaces the first. */
export function rememberUpload(
  sha256: string,
  batchId: string,
  storage: BrowserStorage = window.localStorage,
): void {
  const others = readUploads(storage).filter(([hash]) => hash !== sha256);
  storage.setItem(
    STORAGE_KEY,
    JSON.stringify([[sha256, batchId], ...others].slice(0, REMEMBERED_MAX)),
  );
}

function readUploads(storage: BrowserStorage): [hash: string, batchId: string][] {
  try {
    const stored: unknown = JSON.parse(storage.getItem(STORAGE_KEY) ?? "[]");
    return Array.isArray(stored)
      ? (stored as [string, string][]).filter((one) => Array.isArray(one) && one.length === 2)
      : [];
  } catch {
    return [];
  }
}
