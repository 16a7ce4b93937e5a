import { expect, test } from "vitest";
import { problemOf, readProblem } from "../src/api/problem";

test("a refusal of the gateway keeps its words", () => {
  const problem = problemOf({ code: "upload.too-large", detail: "Too large." }, 413);
  expect([problem.code, problem.message, problem.status]).toEqual([
    "upload.too-large",
    "Too large.",
    413,
  ]);
});

test.each([
  [413, "proxy.too-large"],
  [403, "proxy.refused"],
  [431, "proxy.refused"],
  [408, "answer.unknown"],
  [425, "answer.unknown"],
  [429, "answer.unknown"],
  [502, "answer.unknown"],
  [504, "answer.unknown"],
  [200, "answer.unknown"],
])("a page of a proxy with status %i is %s", async (status, code) => {
  const page = new Response("<html><h1>413 Request Entity Too Large</h1></html>", { status });
  expect((await readProblem(page)).code).toBe(code);
  expect(problemOf(null, status).code).toBe(code);
  expect(problemOf({}, status).code).toBe(code);
});
