/** What happens to a chosen file in the browser before a byte of it is sent. */

export type InspectedFile = {
  name: string;
  /** Size of the file as it was chosen. */
  bytes: number;
  /** SHA-256 of the roster itself: a gzip of a roster has the same as the roster. */
  sha256: string;
  /** The gzip that is sent. */
  body: Blob;
};

const GZIP_MAGIC = [0x1f, 0x8b];

/**
 * Hash a roster and compress it, unless it is compressed already. Throws if its gzip is damaged.
 */
export async function inspectFile(file: File): Promise<InspectedFile> {
  const head = new Uint8Array(await file.slice(0, 2).arrayBuffer());
  const zipped = head[0] === GZIP_MAGIC[0] && head[1] === GZIP_MAGIC[1];
  const roster = zipped ? await pipe(file, new DecompressionStream("gzip")) : file;
  const digest = await crypto.subtle.digest("SHA-256", await roster.arrayBuffer());
  const body = zipped ? file : await pipe(file, new CompressionStream("gzip"));
  return { name: file.name, bytes: file.size, sha256: toHex(digest), body };
}

async function pipe(file: Blob, stream: CompressionStream | DecompressionStream): Promise<Blob> {
  type BytesPair = ReadableWritablePair<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>;
  return new Response(file.stream().pipeThrough(stream as BytesPair)).blob();
}

export function toHex(digest: ArrayBuffer): string {
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
