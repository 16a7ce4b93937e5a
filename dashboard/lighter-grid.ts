/** Leaves out of the build what the grid brings along for parts this dashboard never shows: filter panel, footer, pivot panel. */
import type { Plugin } from "vite";

const GRID = /@mui\/x-data-grid\/material\//;
/** Used by nothing but the filter panel (Autocomplete, Chip), the footer (TablePagination) and parts of the paid grid. */
const UNUSED = new Set(["Autocomplete", "Chip", "TablePagination", "Tabs", "Tab", "ToggleButton", "Switch"].map((name) => `@mui/material/${name}`));
const LEFT_OUT = "\0left-out-of-the-grid";

/** Should one of them be shown after all, it says so instead of showing nothing. */
const INSTEAD = `
export const tablePaginationClasses = {};
export default function LeftOut() { throw new Error("lighter-grid.ts leaves this part of the grid out of the build"); }`;

export function lighterGrid(): Plugin {
  return {
    name: "lighter-grid",
    enforce: "pre",
    resolveId(source, importer) {
      return UNUSED.has(source) && importer && GRID.test(importer.replaceAll("\\", "/")) ? LEFT_OUT : null;
    },
    load(id) {
      return id === LEFT_OUT ? INSTEAD : null;
    },
  };
}
