import { expect, test } from "vitest";
import { toHex } from "../src/upload/inspectFile";
import { rememberedBatch, rememberUpload } from "../src/upload/rememberedUploads";

test("the browser remembers which batch a file became, and only the last fifty", () => {
  const stored = new Map<string, string>();
  const storage = {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => void stored.set(key, value),
  };
  for (let n = 0; n < 60; n += 1) rememberUpload(`hash${n}`, `batch${n}`, storage);
  expect([rememberedBatch("hash59", storage), rememberedBatch("hash0", storage)]).toEqual([
    "batch59",
    undefined,
  ]);
  expect(toHex(new Uint8Array([0, 15, 255]).buffer)).toBe("000fff");
});
