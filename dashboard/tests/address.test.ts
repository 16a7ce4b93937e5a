import { expect, test } from "vitest";
import { cursorOf, pageOf, pagesOf } from "../src/api/paging";
import { changed, plain } from "../src/ui/search";

test("an address keeps what pages know and drops the rest", () => {
  expect(
    plain({ q: "ito", page: "3", evil: "x", status: "", sort: 5, source: "x".repeat(1_001) }),
  ).toEqual({ q: "ito", page: "3" });
});

test("another filter or order begins at the first page; another page keeps the filters", () => {
  expect(changed({ q: "ito", page: "3", cursor: "abc" }, { status: "failed" })).toEqual({
    q: "ito",
    status: "failed",
  });
  expect(changed({ q: "ito", page: "3" }, { page: "4" })).toEqual({ q: "ito", page: "4" });
  expect(changed({ q: "ito", page: "3" }, { q: "" })).toEqual({});
});

test("pages have cursors, and what is no page number is the first page", () => {
  expect(cursorOf(1)).toBeUndefined();
  expect(atob(cursorOf(500) ?? "")).toBe("49900");
  expect([pagesOf(0), pagesOf(100), pagesOf(101), pagesOf(50_000)]).toEqual([1, 1, 2, 500]);
  expect(["0", "-1", "1e3", "x", undefined, "12"].map(pageOf)).toEqual([1, 1, 1, 1, 1, 12]);
});
