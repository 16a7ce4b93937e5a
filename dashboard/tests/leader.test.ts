import { afterEach, expect, test } from "vitest";
import { follow, type Ports, type Word } from "../src/api/leader";
import { type LiveEvent, parseEvents, type readStream } from "../src/api/live";
import { Problem } from "../src/api/problem";

type State = { n: number; status: string };

/** Locks and channels of one browser, in memory, and a gateway whose streams the test feeds. */
function browser() {
  const queue: (() => void)[] = [];
  let held = false;
  const channels = new Set<{ onmessage: ((event: MessageEvent) => void) | null }>();
  const streams: {
    lastId: string;
    tell: (event: LiveEvent) => void;
    fail: (error?: Error) => void;
    signal: AbortSignal;
  }[] = [];
  const waits: number[] = [];
  const request = (_name: string, options: { signal: AbortSignal }, work: () => Promise<void>) =>
    new Promise<void>((done, refuse) => {
      const run = () => {
        held = true;
        void work().then(() => {
          held = false;
          done();
          queue.shift()?.();
        });
      };
      options.signal.addEventListener("abort", () => {
        const at = queue.indexOf(run);
        if (at >= 0) {
          queue.splice(at, 1);
          refuse(new Error("aborted"));
        }
      });
      if (held) queue.push(run);
      else run();
    });
  const read: typeof readStream = (_url, lastId, signal, onEvent) =>
    new Promise((done, refuse) => {
      streams.push({
        lastId,
        tell: onEvent,
        signal,
        fail: (error) => (error ? refuse(error) : done()),
      });
      signal.addEventListener("abort", () => refuse(new Error("aborted")));
    });
  const ports: Ports = {
    locks: { request } as unknown as LockManager,
    channel: () => {
      const own: {
        onmessage: ((event: MessageEvent) => void) | null;
        postMessage: (data: unknown) => void;
        close: () => void;
      } = {
        onmessage: null,
        close: () => channels.delete(own),
        postMessage: (data) => {
          for (const other of channels)
            if (other !== own) other.onmessage?.({ data } as MessageEvent);
        },
      };
      channels.add(own);
      return own as unknown as BroadcastChannel;
    },
    read,
    wait: (ms) => {
      waits.push(ms);
      return Promise.resolve();
    },
    now: () => 1,
  };
  return { ports, streams, waits };
}

const ends: (() => void)[] = [];
afterEach(() => ends.splice(0).forEach((end) => end()));

function tab(ports: Ports) {
  const words: Word<State>[] = [];
  const end = follow<State>("batch", "/live", (word) => words.push(word), ports);
  ends.push(end);
  return {
    words,
    end,
    states: () => words.filter((word) => word.kind === "state").map((word) => word.state),
  };
}

const snapshot = (n: number, id: string): LiveEvent => ({
  event: "snapshot",
  id,
  data: JSON.stringify({ n, status: "paying" }),
});
const soon = () =>
  new Promise((done) => {
    setTimeout(done, 0);
  });

test("ten tabs read one stream and all see it", () => {
  const { ports, streams } = browser();
  const tabs = Array.from({ length: 10 }, () => tab(ports));
  streams[0]?.tell(snapshot(1, "1"));
  streams[0]?.tell({ event: "change", id: "2", data: '{"n":2}' });
  expect(streams).toHaveLength(1);
  for (const one of tabs)
    expect(one.states()).toEqual([
      { n: 1, status: "paying" },
      { n: 2, status: "paying" },
    ]);
});

test("a tab that comes later is told the newest state at once", () => {
  const { ports, streams } = browser();
  tab(ports);
  streams[0]?.tell(snapshot(7, "1"));
  expect(tab(ports).states()).toEqual([{ n: 7, status: "paying" }]);
});

test("when the leading tab closes, the next one reads, from a snapshot of its own", async () => {
  const { ports, streams } = browser();
  const first = tab(ports);
  const second = tab(ports);
  streams[0]?.tell(snapshot(1, "9"));
  first.end();
  await soon();
  expect(streams[0]?.signal.aborted).toBe(true);
  expect(streams).toHaveLength(2);
  expect(streams[1]?.lastId).toBe("");
  streams[1]?.tell(snapshot(3, "1"));
  expect(second.states().at(-1)).toEqual({ n: 3, status: "paying" });
});

test("a broken stream is said to be lost, and resumed after the last event that came", async () => {
  const { ports, streams, waits } = browser();
  const { words } = tab(ports);
  streams[0]?.tell(snapshot(1, "34"));
  streams[0]?.fail();
  await soon();
  expect(words.at(-1)).toEqual({ kind: "lost", at: 1 });
  expect(streams[1]?.lastId).toBe("34");
  expect(waits).toEqual([1_000]);
});

test("a change without a snapshot before it says nothing", () => {
  const { ports, streams } = browser();
  const { words } = tab(ports);
  streams[0]?.tell({ event: "change", id: "2", data: '{"n":2}' });
  expect(words).toEqual([]);
});

test("a refusal ends it: it is not asked again and again", async () => {
  const { ports, streams } = browser();
  const { words } = tab(ports);
  streams[0]?.fail(new Problem({ code: "auth.forbidden" }, 403));
  await soon();
  expect(words).toEqual([{ kind: "refused", code: "auth.forbidden", status: 403 }]);
  expect(streams).toHaveLength(1);
});

test("events are read from text that comes in pieces", () => {
  const first = parseEvents(
    'retry: 2000\nevent: snapshot\nid: 1\ndata: {"n":1}\n\n: still here\n\nevent: change\nda',
  );
  expect(first.events).toEqual([{ event: "snapshot", id: "1", data: '{"n":1}' }]);
  expect(parseEvents(`${first.rest}ta: a\ndata: b\r\n\r\n`).events).toEqual([
    { event: "change", id: "", data: "a\nb" },
  ]);
});
