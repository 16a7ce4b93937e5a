import { afterEach, expect, test, vi } from "vitest";
import { readStream } from "../src/api/live";

afterEach(() => vi.unstubAllGlobals());

/** A gateway whose stream says these words and then nothing, for ever, unless it is ended. */
function saying(...words: string[]) {
  const fetching = vi.fn((_url: string, { signal }: { signal: AbortSignal }) =>
    Promise.resolve(
      new Response(
        new ReadableStream({
          start(to) {
            for (const word of words) to.enqueue(new TextEncoder().encode(word));
            signal.addEventListener("abort", () => to.error(new Error("aborted")));
          },
        }),
      ),
    ),
  );
  vi.stubGlobal("fetch", fetching);
  return fetching;
}

const SNAPSHOT = 'event: snapshot\nid: 1\ndata: {"n":1}\n\n';

test("a stream that falls silent is given up, so that it can be opened again", async () => {
  saying(SNAPSHOT);
  const heard: string[] = [];
  await expect(
    readStream("/live", "", new AbortController().signal, (event) => heard.push(event.id), 30),
  ).rejects.toThrow();
  expect(heard).toEqual(["1"]);
});

test("a browser that loses its network gives the stream up at once", async () => {
  saying(SNAPSHOT);
  const reading = readStream("/live", "", new AbortController().signal, () =>
    window.dispatchEvent(new Event("offline")),
  );
  await expect(reading).rejects.toThrow();
});

test("whoever stops listening ends it", async () => {
  saying(SNAPSHOT);
  const stop = new AbortController();
  const reading = readStream("/live", "", stop.signal, () => stop.abort());
  await expect(reading).rejects.toThrow();
});
