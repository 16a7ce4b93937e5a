/** Server-sent events read with fetch, which can carry a header; the text format is the one of EventSource. */
import { problemOf, unanswered } from "./problem";
import { session } from "./session";

export type LiveEvent = { event: string; id: string; data: string };

/** Events in the text received so far, and the unfinished rest. Comments and unknown fields are skipped. */
export function parseEvents(text: string): { events: LiveEvent[]; rest: string } {
  const blocks = text.replaceAll("\r\n", "\n").split("\n\n");
  const rest = blocks.pop() ?? "";
  const events: LiveEvent[] = [];
  for (const block of blocks) {
    const event: LiveEvent = { event: "message", id: "", data: "" };
    const data: string[] = [];
    for (const line of block.split("\n")) {
      const colon = line.indexOf(":");
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (field === "event") event.event = value;
      else if (field === "id") event.id = value;
      else if (field === "data") data.push(value);
    }
    if (data.length > 0) events.push({ ...event, data: data.join("\n") });
  }
  return { events, rest };
}

/** The gateway says something every 15 s, if only that it is there; after more silence than this the connection is dead, whatever the browser believes. */
export const SILENT_MS = 40_000;

/** Read one stream until it ends, falls silent or `signal` aborts; resumes after `lastId` where the gateway can. Throws a Problem if refused. */
export async function readStream(
  url: string,
  lastId: string,
  signal: AbortSignal,
  onEvent: (event: LiveEvent) => void,
  silentMs = SILENT_MS,
): Promise<void> {
  const dead = new AbortController();
  const cut = () => dead.abort();
  let timer = setTimeout(cut, silentMs);
  window.addEventListener("offline", cut);
  try {
    const headers: Record<string, string> = { Accept: "text/event-stream", ...session.headers() };
    if (lastId) headers["Last-Event-ID"] = lastId;
    const response = await fetch(url, {
      headers,
      signal: AbortSignal.any([signal, dead.signal]),
      cache: "no-store",
    }).catch((error: unknown) => {
      throw unanswered(error);
    });
    if (!response.ok || !response.body) throw await problemOf(response);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      clearTimeout(timer);
      timer = setTimeout(cut, silentMs);
      const parsed = parseEvents(text + value);
      text = parsed.rest;
      parsed.events.forEach(onEvent);
    }
  } finally {
    clearTimeout(timer);
    window.removeEventListener("offline", cut);
  }
}
