/** What is done to a file in the browser before a byte of it is sent: inflate or gzip, hash, remember. */

export type Prepared = { name: string; bytes: number; sha256: string; body: Blob };

const GZIP = [0x1f, 0x8b];

/** SHA-256 of the roster itself (a gzip of it is the same roster), and a gzip to send. Throws if the gzip is damaged. */
export async function prepare(file: File): Promise<Prepared> {
  const head = new Uint8Array(await file.slice(0, 2).arrayBuffer());
  const zipped = head[0] === GZIP[0] && head[1] === GZIP[1];
  const plain = zipped ? await through(file, new DecompressionStream("gzip")) : file;
  const digest = await crypto.subtle.digest("SHA-256", await plain.arrayBuffer());
  const body = zipped ? file : await through(file, new CompressionStream("gzip"));
  return { name: file.name, bytes: file.size, sha256: hex(digest), body };
}

async function through(file: Blob, stream: CompressionStream | DecompressionStream): Promise<Blob> {
  return new Response(
    file
      .stream()
      .pipeThrough(
        stream as ReadableWritablePair<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>,
      ),
  ).blob();
}

export function hex(digest: ArrayBuffer): string {
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const KEPT = "paydown.uploads";
const MOST = 50;
type Storage2 = Pick<Storage, "getItem" | "setItem">;

/** The batch this browser made of these bytes before, if it remembers; the server's 409 is what counts. */
export function rememberedBatch(
  sha256: string,
  storage: Storage2 = window.localStorage,
): string | undefined {
  return known(storage).find(([hash]) => hash === sha256)?.[1];
}

/** Remember which batch these bytes became. Only a hash and an id are kept. */
export function remember(
  sha256: string,
  batchId: string,
  storage: Storage2 = window.localStorage,
): void {
  storage.setItem(
    KEPT,
    JSON.stringify(
      [[sha256, batchId], ...known(storage).filter(([hash]) => hash !== sha256)].slice(0, MOST),
    ),
  );
}

function known(storage: Storage2): [string, string][] {
  try {
    const found: unknown = JSON.parse(storage.getItem(KEPT) ?? "[]");
    return Array.isArray(found)
      ? (found as [string, string][]).filter((one) => Array.isArray(one) && one.length === 2)
      : [];
  } catch {
    return [];
  }
}
