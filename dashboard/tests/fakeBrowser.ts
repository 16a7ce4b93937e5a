/**
 * Locks, channels and streams of one browser, in memory. The test sends the events of the streams.
 */
import type { readStream, StreamEvent } from "../src/api/eventStream";
import type { BrowserPorts } from "../src/api/sharedStream";

/** A stream that a tab has opened. */
type OpenStream = {
  lastId: string;
  send: (event: StreamEvent) => void;
  fail: (error?: Error) => void;
  signal: AbortSignal;
};

export type FakeBrowser = {
  ports: BrowserPorts;
  streams: OpenStream[];
  /** The pauses before each new try, in milliseconds. They take no time here. */
  waits: number[];
};

export function fakeBrowser(): FakeBrowser {
  const streams: OpenStream[] = [];
  const waits: number[] = [];
  const ports: BrowserPorts = {
    locks: fakeLocks(),
    channel: fakeChannels(),
    read: fakeRead(streams),
    wait: (ms) => {
      waits.push(ms);
      return Promise.resolve();
    },
    now: () => 1,
  };
  return { ports, streams, waits };
}

/** One lock: the first who asks has it until its work ends, then the next one. */
function fakeLocks(): LockManager {
  const queue: (() => void)[] = [];
  let taken = false;
  const request = (_name: string, { signal }: { signal: AbortSignal }, work: () => Promise<void>) =>
    new Promise<void>((resolve, reject) => {
      const run = () => {
        taken = true;
        void work().then(() => {
          taken = false;
          resolve();
          queue.shift()?.();
        });
      };
      signal.addEventListener("abort", () => {
        const at = queue.indexOf(run);
        if (at < 0) return;
        queue.splice(at, 1);
        reject(new Error("aborted"));
      });
      if (taken) queue.push(run);
      else run();
    });
  return { request } as unknown as LockManager;
}

type FakeChannel = {
  onmessage: ((event: MessageEvent) => void) | null;
  postMessage: (data: unknown) => void;
  close: () => void;
};

/** Channels that deliver at once. */
function fakeChannels(): BrowserPorts["channel"] {
  const channels = new Set<FakeChannel>();
  return () => {
    const own: FakeChannel = {
      onmessage: null,
      close: () => channels.delete(own),
      postMessage: (data) => {
        for (const other of channels)
          if (other !== own) other.onmessage?.({ data } as MessageEvent);
      },
    };
    channels.add(own);
    return own as unknown as BroadcastChannel;
  };
}

function fakeRead(streams: OpenStream[]): typeof readStream {
  return (_url, lastId, signal, onEvent) =>
    new Promise((resolve, reject) => {
      const fail = (error?: Error) => (error ? reject(error) : resolve());
      streams.push({ lastId, send: onEvent, signal, fail });
      signal.addEventListener("abort", () => reject(new Error("aborted")));
    });
}
