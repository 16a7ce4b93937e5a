/** Server-sent events, read with `fetch`: unlike `EventSource` it can send a header. */
import { readProblem } from "./problem";
import { fetchAnswer } from "./request";
import { session } from "./session";

export type StreamEvent = { event: string; id: string; data: string };

/**
 * The events in the text received so far, and the unfinished rest. Comments and unknown fields are
 * skipped.
 */
export function parseEvents(text: string): { events: StreamEvent[]; rest: string } {
  const blocks = text.replaceAll("\r\n", "\n").split("\n\n");
  const rest = blocks.pop() ?? "";
  return { events: blocks.flatMap(parseBlock), rest };
}

/** The event of one block of lines; none if the block has no data. */
function parseBlock(block: string): StreamEvent[] {
  const event = { event: "message", id: "" };
  const data: string[] = [];
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") event.event = value;
    else if (field === "id") event.id = value;
    else if (field === "data") data.push(value);
  }
  return data.length > 0 ? [{ ...event, data: data.join("\n") }] : [];
}

/**
 * The gateway sends at least a comment every 15 s. After more silence than this the connection is
 * dead, whatever the browser believes.
 */
export const SILENCE_MAX_MS = 40_000;

/**
 * Read one stream until it ends, falls silent or `signal` aborts. With `lastId` the gateway
 * continues after that event where it can.
 *
 * Throws a Problem if the gateway refuses.
 */
export async function readStream(
  url: string,
  lastId: string,
  signal: AbortSignal,
  onEvent: (event: StreamEvent) => void,
  silenceMaxMs = SILENCE_MAX_MS,
): Promise<void> {
  const dead = new AbortController();
  const giveUp = () => dead.abort();
  let timer = setTimeout(giveUp, silenceMaxMs);
  window.addEventListener("offline", giveUp);
  try {
    const reader = await openStream(url, lastId, AbortSignal.any([signal, dead.signal]));
    let received = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      clearTimeout(timer);
      timer = setTimeout(giveUp, silenceMaxMs);
      const { events, rest } = parseEvents(received + value);
      received = rest;
      events.forEach(onEvent);
    }
  } finally {
    clearTimeout(timer);
    window.removeEventListener("offline", giveUp);
  }
}

async function openStream(
  url: string,
  lastId: string,
  signal: AbortSignal,
): Promise<ReadableStreamDefaultReader<string>> {
  const headers: Record<string, string> = { Accept: "text/event-stream", ...session.headers() };
  if (lastId) headers["Last-Event-ID"] = lastId;
  const response = await fetchAnswer(url, { headers, signal, cache: "no-store" });
  if (!response.ok || !response.body) throw await readProblem(response);
  return response.body.pipeThrough(new TextDecoderStream()).getReader();
}
