/** A report as a file. Asked for with fetch, so that it works with both ways to sign in, and an error can be shown instead of saved. */
import { problemOf, unanswered } from "./problem";
import { session } from "./session";

export async function download(url: string, fallback: string): Promise<void> {
  const response = await fetch(url, { headers: session.headers() }).catch((error: unknown) => {
    throw unanswered(error);
  });
  if (!response.ok) throw await problemOf(response);
  const name =
    /filename="([^"]+)"/.exec(response.headers.get("content-disposition") ?? "")?.[1] ?? fallback;
  const address = URL.createObjectURL(await response.blob());
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
