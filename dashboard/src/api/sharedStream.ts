/**
 * One event stream for all tabs. A browser opens at most six connections to a host; with a stream
 * in each tab the seventh tab would hang. So one tab, the leader, holds a lock, reads the stream
 * and sends what it reads to the others over a channel. When the leader closes, the lock goes to
 * the next tab. Its stream begins with a full snapshot, so nothing is missed in between.
 */
import { readStream, type StreamEvent } from "./eventStream";
import { Problem } from "./problem";

/** What a tab learns of the stream. `at` is in milliseconds since 1970. */
export type StreamUpdate<T> =
  | { kind: "state"; state: T; at: number }
  | { kind: "lost"; at: number }
  | { kind: "refused"; code: string; status: number };
/** What goes over the channel; a new tab asks for the newest update. */
type ChannelMessage<T> = StreamUpdate<T> | { kind: "newest?" };

/** What of the browser is used; tests replace it. */
export type BrowserPorts = {
  locks: Pick<LockManager, "request"> | undefined;
  channel: (name: string) => Pick<BroadcastChannel, "postMessage" | "close" | "onmessage">;
  read: typeof readStream;
  wait: (ms: number, signal: AbortSignal) => Promise<void>;
  now: () => number;
};

export const RETRY_FIRST_MS = 1_000;
export const RETRY_MAX_MS = 15_000;
/** Refusals that another try cannot change. */
const FINAL_REFUSALS = new Set([401, 403, 404]);

/** Follow a stream, as the leader or behind one. Returns a function that stops it. */
export function followStream<T extends object>(
  name: string,
  url: string,
  onUpdate: (update: StreamUpdate<T>) => void,
  ports: BrowserPorts = browserPorts(),
): () => void {
  const stopped = new AbortController();
  const channel = ports.channel(name);
  let newest: StreamUpdate<T> | null = null;
  let leading = false;

  function publish(update: StreamUpdate<T>): void {
    newest = update;
    onUpdate(update);
    channel.postMessage(update);
  }

  channel.onmessage = (message: MessageEvent<ChannelMessage<T>>) => {
    if (message.data.kind !== "newest?") onUpdate(message.data);
    else if (leading && newest) channel.postMessage(newest);
  };
  channel.postMessage({ kind: "newest?" });

  async function lead(): Promise<void> {
    leading = true;
    await readForAll<T>(url, publish, stopped.signal, ports);
  }

  if (ports.locks) {
    // The request fails when it is aborted, which happens only when this tab stops following.
    ports.locks.request(name, { signal: stopped.signal }, lead).catch(() => undefined);
  } else {
    void lead();
  }
  return () => {
    stopped.abort();
    channel.close();
  };
}

/** Read the stream again and again, with growing pauses, until it is stopped or refused. */
async function readForAll<T extends object>(
  url: string,
  publish: (update: StreamUpdate<T>) => void,
  signal: AbortSignal,
  ports: BrowserPorts,
): Promise<void> {
  let lastId = "";
  let state: T | null = null;
  let pause = RETRY_FIRST_MS;
  const onEvent = (event: StreamEvent): void => {
    lastId = event.id || lastId;
    pause = RETRY_FIRST_MS;
    if (event.event === "away") {
      publish({ kind: "lost", at: ports.now() });
      return;
    }
    if (event.event !== "snapshot" && state === null) return; // a change of an unknown state
    const data = JSON.parse(event.data) as Partial<T>;
    state = event.event === "snapshot" ? (data as T) : { ...(state as T), ...data };
    publish({ kind: "state", state, at: ports.now() });
  };
  while (!signal.aborted) {
    const refusal = await ports.read(url, lastId, signal, onEvent).then(
      () => null,
      (error: unknown) => error,
    );
    if (signal.aborted) return;
    if (refusal instanceof Problem && FINAL_REFUSALS.has(refusal.status)) {
      publish({ kind: "refused", code: refusal.code, status: refusal.status });
      return;
    }
    publish({ kind: "lost", at: ports.now() });
    await ports.wait(pause, signal);
    pause = Math.min(pause * 2, RETRY_MAX_MS);
  }
}

function browserPorts(): BrowserPorts {
  return {
    locks: navigator.locks,
    channel: (name) => new BroadcastChannel(name),
    read: readStream,
    wait: waitOrReconnect,
    now: () => Date.now(),
  };
}

/** Wait, but no longer once there is a network again or `signal` aborts. */
function waitOrReconnect(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const over = new AbortController();
    const end = () => {
      clearTimeout(timer);
      over.abort();
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end, { once: true, signal: over.signal });
    window.addEventListener("online", end, { once: true, signal: over.signal });
  });
}
