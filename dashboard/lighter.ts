/** Leaves out of the build what libraries bring along for parts this dashboard never shows: the grid's filter panel, footer and pivot panel, endless and suspended queries. */
import type { Plugin } from "vite";

const GRID = /@mui\/x-data-grid\/material\//;
/** Used by nothing but the filter panel (Autocomplete, Chip), the footer (TablePagination) and parts of the paid grid. */
const OF_THE_GRID = new Set(
  ["Autocomplete", "Chip", "TablePagination", "Tabs", "Tab", "ToggleButton", "Switch"].map(
    (name) => `@mui/material/${name}`,
  ),
);
const QUERIES = /@tanstack\/react-query\//;
const OF_QUERIES = /\/(useInfiniteQuery|useSuspense\w+)\.js$/;
const LEFT_OUT = "\0left-out:";

/** Should one of them be used after all, it says so instead of doing nothing. */
const GONE = `function LeftOut() { throw new Error("lighter.ts leaves this out of the build"); }`;
const INSTEAD: Readonly<Record<string, string>> = {
  [`${LEFT_OUT}grid`]: `${GONE} export const tablePaginationClasses = {}; export default LeftOut;`,
  [`${LEFT_OUT}queries`]: `${GONE} export { ${["InfiniteQuery", "SuspenseQuery", "SuspenseQueries", "SuspenseInfiniteQuery"].map((name) => `LeftOut as use${name}`).join(", ")} };`,
};

export function lighter(): Plugin {
  return {
    name: "lighter",
    enforce: "pre",
    resolveId(source, importer) {
      const by = importer?.replaceAll("\\", "/") ?? "";
      if (OF_THE_GRID.has(source) && GRID.test(by)) return `${LEFT_OUT}grid`;
      return OF_QUERIES.test(source) && QUERIES.test(by) ? `${LEFT_OUT}queries` : null;
    },
    load(id) {
      return INSTEAD[id] ?? null;
    },
  };
}
