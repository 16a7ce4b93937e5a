import { afterEach, expect, test, vi } from "vitest";
import { api } from "../src/api/client";
import { Problem } from "../src/api/problem";
import { previousUpload } from "../src/upload/previousUpload";
import { rememberUpload } from "../src/upload/rememberedUploads";

const HASH = "ab".repeat(32);
type Answer = (
  path: string,
  init: { params: { query?: { sha256?: string }; path?: { batch_id: string } } },
) => unknown;
const answering = (answer: Answer) =>
  vi
    .spyOn(api, "GET")
    .mockImplementation(((...asked: Parameters<Answer>) =>
      Promise.resolve({ data: answer(...asked) })) as never);

function away(): never {
  throw new Problem({ code: "service.away" }, 503);
}

afterEach(() => {
  vi.restoreAllMocks();
  localStorage.clear();
});

test("the server is asked by the hash; batches without payments do not count", async () => {
  const asked = answering(() => ({
    items: [
      { batch_id: "new", status: "ready" },
      { batch_id: "first", status: "completed" },
      { batch_id: "gone", status: "discarded" },
    ],
  }));
  expect((await previousUpload(HASH))?.batch_id).toBe("first");
  expect(
    asked.mock.calls.map((call) => (call as unknown as Parameters<Answer>)[1].params.query?.sha256),
  ).toEqual([HASH]);
  answering(() => ({ items: [{ batch_id: "gone", status: "discarded" }] }));
  rememberUpload(HASH, "gone");
  expect(await previousUpload(HASH)).toBeNull();
});

test("without the list the remembered batch counts; without any answer, none does", async () => {
  rememberUpload(HASH, "mine");
  answering((path, { params }) =>
    path.endsWith("{batch_id}") ? { batch_id: params.path?.batch_id, status: "paying" } : away(),
  );
  expect((await previousUpload(HASH))?.batch_id).toBe("mine");
  answering(away);
  expect(await previousUpload(HASH)).toBeNull();
});
