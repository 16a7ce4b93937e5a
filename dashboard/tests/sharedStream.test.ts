import { afterEach, expect, test } from "vitest";
import { parseEvents, type StreamEvent } from "../src/api/eventStream";
import { Problem } from "../src/api/problem";
import { followStream, type StreamUpdate } from "../src/api/sharedStream";
import { fakeBrowser, type FakeBrowser } from "./fakeBrowser";

type State = { n: number; status: string };

const stops: (() => void)[] = [];
afterEach(() => stops.splice(0).forEach((stop) => stop()));

/** A tab that follows the stream, and what it learned. */
function openTab({ ports }: FakeBrowser) {
  const updates: StreamUpdate<State>[] = [];
  const close = followStream<State>("batch", "/live", (update) => updates.push(update), ports);
  stops.push(close);
  const states = () =>
    updates.filter((update) => update.kind === "state").map((update) => update.state);
  return { updates, close, states };
}

const snapshot = (n: number, id: string): StreamEvent => ({
  event: "snapshot",
  id,
  data: JSON.stringify({ n, status: "paying" }),
});
const nextTask = () =>
  new Promise((done) => {
    setTimeout(done, 0);
  });

test("ten tabs read one stream and all see it", () => {
  const browser = fakeBrowser();
  const { streams } = browser;
  const tabs = Array.from({ length: 10 }, () => openTab(browser));
  streams[0]?.send(snapshot(1, "1"));
  streams[0]?.send({ event: "change", id: "2", data: '{"n":2}' });
  expect(streams).toHaveLength(1);
  for (const one of tabs)
    expect(one.states()).toEqual([
      { n: 1, status: "paying" },
      { n: 2, status: "paying" },
    ]);
});

test("a tab that is opened later gets the newest state at once", () => {
  const browser = fakeBrowser();
  const { streams } = browser;
  openTab(browser);
  streams[0]?.send(snapshot(7, "1"));
  expect(openTab(browser).states()).toEqual([{ n: 7, status: "paying" }]);
});

test("when the leading tab closes, the next one reads, from a snapshot of its own", async () => {
  const browser = fakeBrowser();
  const { streams } = browser;
  const first = openTab(browser);
  const second = openTab(browser);
  streams[0]?.send(snapshot(1, "9"));
  first.close();
  await nextTask();
  expect(streams[0]?.signal.aborted).toBe(true);
  expect(streams).toHaveLength(2);
  expect(streams[1]?.lastId).toBe("");
  streams[1]?.send(snapshot(3, "1"));
  expect(second.states().at(-1)).toEqual({ n: 3, status: "paying" });
});

test("a broken stream is reported as lost, and resumed after its last event", async () => {
  const browser = fakeBrowser();
  const { streams, waits } = browser;
  const { updates } = openTab(browser);
  streams[0]?.send(snapshot(1, "34"));
  streams[0]?.fail();
  await nextTask();
  expect(updates.at(-1)).toEqual({ kind: "lost", at: 1 });
  expect(streams[1]?.lastId).toBe("34");
  expect(waits).toEqual([1_000]);
});

test("a change without a snapshot before it is ignored", () => {
  const browser = fakeBrowser();
  const { streams } = browser;
  const { updates } = openTab(browser);
  streams[0]?.send({ event: "change", id: "2", data: '{"n":2}' });
  expect(updates).toEqual([]);
});

test("a refusal ends it: there is no second try", async () => {
  const browser = fakeBrowser();
  const { streams } = browser;
  const { updates } = openTab(browser);
  streams[0]?.fail(new Problem({ code: "auth.forbidden" }, 403));
  await nextTask();
  expect(updates).toEqual([{ kind: "refused", code: "auth.forbidden", status: 403 }]);
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
