import { expect, test } from "vitest";
import { cursorOfPage } from "../src/api/paging";
import { pageCount, pageNumber } from "../src/ui/paging";
import { changedSearch, readSearch } from "../src/ui/search";

test("an address keeps what pages know and drops the rest", () => {
  expect(
    readSearch({ q: "ito", page: "3", evil: "x", status: "", sort: 5, source: "x".repeat(1_001) }),
  ).toEqual({ q: "ito", page: "3" });
});

test("another filter or order begins at the first page; another page keeps the filters", () => {
  expect(changedSearch({ q: "ito", page: "3", cursor: "abc" }, { status: "failed" })).toEqual({
    q: "ito",
    status: "failed",
  });
  expect(changedSearch({ q: "ito", page: "3" }, { page: "4" })).toEqual({ q: "ito", page: "4" });
  expect(changedSearch({ q: "ito", page: "3" }, { q: "" })).toEqual({});
});

test("pages have cursors, and what is no page number is the first page", () => {
  expect(cursorOfPage(1)).toBeUndefined();
  expect(atob(cursorOfPage(500) ?? "")).toBe("49900");
  expect([0, 100, 101, 50_000].map((total) => pageCount(total, 100))).toEqual([1, 1, 2, 500]);
  expect(["0", "-1", "1e3", "x", undefined, "12"].map(pageNumber)).toEqual([1, 1, 1, 1, 1, 12]);
});
