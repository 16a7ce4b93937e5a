import { describe, expect, it, test } from "vitest";
import { Problem, problemOf } from "../src/api/problem";
import { isUnanswered, leftUnanswered, shownError, uploadKey } from "../src/upload/uploadStep";

const options = { period: "2026-06-05", repeatReason: "" };
const unanswered = { key: "first", options };
const problem = (status: number, code = "some") => new Problem({ code }, status);

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
  it.each([200, 202, 408, 425, 429])("is not after a page in place of an answer: %i", (status) => {
    expect(isUnanswered(problemOf(null, status))).toBe(true);
  });
  it("is not after an error of the page itself", () => {
    expect(isUnanswered(new TypeError("failed"))).toBe(true);
  });
});

describe("the upload without an answer, after a further try has failed", () => {
  it.each([
    [409, "idempotency.in-progress"],
    [429, "rate.limited"],
    [401, "auth.required"],
    [403, "access.denied"],
    [413, "proxy.too-large"],
    [400, "proxy.refused"],
  ])("stays after a refusal from before the look-up of its key: %i %s", (status, code) => {
    expect(leftUnanswered(unanswered, unanswered, problem(status, code))).toBe(unanswered);
    expect(leftUnanswered(undefined, unanswered, problem(status, code))).toBeUndefined();
  });
  it.each([
    [422, "period.invalid"],
    [409, "upload.repeated"],
    [413, "upload.too-large"],
  ])("is ended by a refusal of its own key: %i %s", (status, code) => {
    expect(leftUnanswered(unanswered, unanswered, problem(status, code))).toBeUndefined();
  });
  it("stays after a refusal of another key, and gives way to a newer one without an answer", () => {
    const other = { key: "second", options: { ...options, period: "" } };
    expect(leftUnanswered(unanswered, other, problem(422))).toBe(unanswered);
    expect(leftUnanswered(unanswered, other, problem(0))).toBe(other);
    expect(leftUnanswered(undefined, other, problem(502))).toBe(other);
  });
});

test("a proxy took nothing, but of a file with an unanswered try that is not known", () => {
  const tooLarge = problemOf(null, 413);
  expect(shownError(tooLarge, undefined)).toBe(tooLarge);
  expect(shownError(tooLarge, unanswered)).toMatchObject({ code: "answer.unknown", status: 413 });
  const limited = new Problem({ code: "rate.limited" }, 429);
  expect(shownError(limited, unanswered)).toBe(limited);
});
