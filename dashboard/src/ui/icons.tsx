/** Line icons. Each meaning has its own shape, so that color is never the only sign. */
import { styled } from "@mui/material/styles";
import type { ReactElement } from "react";

const PATHS = {
  check: "M5 12.5l4.5 4.5L19 7.5",
  "check-circle": "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM8 12.3l2.8 2.8L16 9.8",
  cross: "M6 6l12 12M18 6L6 18",
  octagon: "M8.3 3h7.4L21 8.3v7.4L15.7 21H8.3L3 15.7V8.3zM12 7.5v5.5M12 16.2v.3",
  triangle: "M12 4L2.8 20h18.4zM12 10v5M12 17.4v.3",
  question:
    "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z" +
    "M9.5 9.5a2.5 2.5 0 1 1 3.6 2.3c-.8.4-1.1.9-1.1 1.7M12 16.4v.3",
  clock: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 7v5l3.5 2",
  pause: "M8 5v14M16 5v14",
  stop: "M6 6h12v12H6z",
  hand: "M12 3l9 9-9 9-9-9zM12 8v5M12 15.6v.3",
  "arrow-right": "M4 12h15M13 6l6 6-6 6",
  "arrow-down": "M12 4v12M6 11l6 6 6-6M5 20h14",
  "arrow-back": "M20 18a8 8 0 0 0-8-8H4M9 5l-5 5 5 5",
  dots: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM7.8 12v.1M12 12v.1M16.2 12v.1",
  box: "M4 8h16v12H4zM4 8l2-4h12l2 4M9.5 12h5",
  info: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 11v5.5M12 7.6v.3",
  menu: "M4 7h16M4 12h16M4 17h16",
  copy: "M8 8h12v12H8zM4 16V4h12",
} as const;

export type IconName = keyof typeof PATHS;

const Svg = styled("svg")({
  width: "1.15em",
  height: "1.15em",
  flex: "none",
  fill: "none",
  stroke: "currentColor",
  strokeWidth: 2,
  strokeLinecap: "round",
  strokeLinejoin: "round",
  verticalAlign: "-0.2em",
});

/** An icon. Screen readers skip it, so it always stands beside a word. */
export function Icon({ name }: { name: IconName }): ReactElement {
  return (
    <Svg viewBox="0 0 24 24" aria-hidden focusable="false">
      <path d={PATHS[name]} />
    </Svg>
  );
}
