import { afterEach, expect, test, vi } from "vitest";
import { readStream } from "../src/api/eventStream";

afterEach(() => vi.unstubAllGlobals());

/** A gateway whose stream sends these chunks and then nothing, until it is aborted. */
function gatewayThatSends(...chunks: string[]) {
  const fetchMock = vi.fn((_url: string, { signal }: { signal: AbortSignal }) =>
    Promise.resolve(
      new Response(
        new ReadableStream({
          start(controller) {
            for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk));
            signal.addEventListener("abort", () => controller.error(new Error("aborted")));
          },
        }),
      ),
    ),
  );
  vi.stubGlobal("fetch", fetchMock);
  return fetchMock;
}

const SNAPSHOT = 'event: snapshot\nid: 1\ndata: {"n":1}\n\n';

test("a stream that falls silent is given up, so that it can be opened again", async () => {
  gatewayThatSends(SNAPSHOT);
  const received: string[] = [];
  await expect(
    readStream("/live", "", new AbortController().signal, (event) => received.push(event.id), 30),
  ).rejects.toThrow();
  expect(received).toEqual(["1"]);
});

test("a browser that loses its network gives the stream up at once", async () => {
  gatewayThatSends(SNAPSHOT);
  const reading = readStream("/live", "", new AbortController().signal, () =>
    window.dispatchEvent(new Event("offline")),
  );
  await expect(reading).rejects.toThrow();
});

test("whoever stops listening ends it", async () => {
  gatewayThatSends(SNAPSHOT);
  const stop = new AbortController();
  const reading = readStream("/live", "", stop.signal, () => stop.abort());
  await expect(reading).rejects.toThrow();
});
