/**
 * One stream for all tabs. Browsers allow six connections to one host; with a stream in each, the seventh tab would hang.
 * The tab that holds the lock reads the stream and tells the others over a channel; when it closes, the lock goes to the next,
 * whose first event is a full snapshot again, so nothing told in between is missed.
 */
import { type LiveEvent, readStream } from "./live";
import { Problem } from "./problem";

export type Word<T> =
  | { kind: "state"; state: T; at: number }
  | { kind: "lost"; at: number }
  | { kind: "refused"; code: string; status: number };
type Told<T> = Word<T> | { kind: "hello" };

export type Ports = {
  locks: Pick<LockManager, "request"> | undefined;
  channel: (name: string) => Pick<BroadcastChannel, "postMessage" | "close" | "onmessage">;
  read: typeof readStream;
  wait: (ms: number, signal: AbortSignal) => Promise<void>;
  now: () => number;
};

export const RETRY_FIRST_MS = 1_000;
export const RETRY_MOST_MS = 15_000;

/** Follow a stream, as the leader or behind one. Returns what ends it. */
export function follow<T extends object>(
  name: string,
  url: string,
  onWord: (word: Word<T>) => void,
  ports: Ports = browser(),
): () => void {
  const ended = new AbortController();
  const channel = ports.channel(name);
  let newest: Word<T> | null = null;
  let leading = false;

  function say(word: Word<T>): void {
    newest = word;
    onWord(word);
    channel.postMessage(word);
  }

  channel.onmessage = (message: MessageEvent<Told<T>>) => {
    if (message.data.kind !== "hello") onWord(message.data);
    else if (leading && newest) channel.postMessage(newest);
  };
  channel.postMessage({ kind: "hello" });

  async function lead(): Promise<void> {
    leading = true;
    await stream<T>(url, say, ended.signal, ports);
  }

  if (ports.locks) {
    ports.locks.request(name, { signal: ended.signal }, lead).catch(() => undefined); // aborted while waiting: this tab is gone
  } else {
    void lead();
  }
  return () => {
    ended.abort();
    channel.close();
  };
}

async function stream<T extends object>(
  url: string,
  say: (word: Word<T>) => void,
  signal: AbortSignal,
  ports: Ports,
): Promise<void> {
  let lastId = "";
  let state: T | null = null;
  let pause = RETRY_FIRST_MS;
  while (!signal.aborted) {
    try {
      await ports.read(url, lastId, signal, (event: LiveEvent) => {
        lastId = event.id || lastId;
        pause = RETRY_FIRST_MS;
        if (event.event === "away") {
          say({ kind: "lost", at: ports.now() });
          return;
        }
        const data = JSON.parse(event.data) as Partial<T>;
        if (event.event !== "snapshot" && state === null) return; // a change of something not seen says nothing
        state = event.event === "snapshot" ? (data as T) : { ...(state as T), ...data };
        say({ kind: "state", state, at: ports.now() });
      });
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Problem && [401, 403, 404].includes(error.status)) {
        say({ kind: "refused", code: error.code, status: error.status });
        return;
      }
    }
    if (signal.aborted) return;
    say({ kind: "lost", at: ports.now() });
    await ports.wait(pause, signal);
    pause = Math.min(pause * 2, RETRY_MOST_MS);
  }
}

function browser(): Ports {
  return {
    locks: navigator.locks,
    channel: (name) => new BroadcastChannel(name),
    read: readStream,
    wait: (ms, signal) =>
      new Promise((done) => {
        const over = new AbortController();
        const end = () => {
          clearTimeout(timer);
          over.abort();
          done();
        };
        const timer = setTimeout(end, ms);
        signal.addEventListener("abort", end, { once: true, signal: over.signal });
        window.addEventListener("online", end, { once: true, signal: over.signal }); // there is a network again: no use in waiting on
      }),
    now: () => Date.now(),
  };
}
