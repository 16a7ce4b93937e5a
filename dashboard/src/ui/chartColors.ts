/** Colors of charts: apart for every kind of color vision, and visible on light and dark. */
export const CHART_COLORS = {
  good: "#0b8a80",
  bad: "#d1642a",
  other: "#8a6fc4",
  neutral: "#4f81bd",
} as const;
