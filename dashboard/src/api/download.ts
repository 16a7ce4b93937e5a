import { fetchOk } from "./request";
import { session } from "./session";

const KEEP_MS = 60_000;

/**
 * Save a report as a file, under the server's name for it or else under `fallback`.
 *
 * It is fetched by a script and not by a link, so that it works with both ways to sign in and an
 * error is shown instead of saved. Throws a Problem.
 */
export async function download(url: string, fallback: string): Promise<void> {
  const response = await fetchOk(url, { headers: session.headers() });
  const disposition = response.headers.get("content-disposition") ?? "";
  const address = URL.createObjectURL(await response.blob());
  const link = document.createElement("a");
  link.href = address;
  link.download = /filename="([^"]+)"/.exec(disposition)?.[1] ?? fallback;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), KEEP_MS);
}
