import { describe, expect, it } from "vitest";
import { Problem } from "../src/api/problem";
import { isUnanswered, uploadKey } from "../src/upload/uploadStep";

const options = { period: "2026-06-05", repeatReason: "" };
const unanswered = { key: "first", options };

describe("the idempotency key of an upload that is tried again", () => {
  it("is the key of the try without an answer", () => {
    expect(uploadKey(unanswered, { ...options })).toBe("first");
  });
  it("is a new one for another period or reason, and after a refusal", () => {
    expect(uploadKey(unanswered, { ...options, period: "" })).not.toBe("first");
    expect(uploadKey(unanswered, { ...options, repeatReason: "again" })).not.toBe("first");
    expect(uploadKey(undefined, options)).not.toBe("first");
  });
});

describe("whether the answer of an upload is known", () => {
  it.each([
    [0, true],
    [502, true],
    [422, false],
    [413, false],
  ])("status %i: %s", (status, expected) => {
    expect(isUnanswered(new Problem({ code: "some" }, status))).toBe(expected);
  });
  it("is not after an error of the page itself", () => {
    expect(isUnanswered(new TypeError("failed"))).toBe(true);
  });
});
