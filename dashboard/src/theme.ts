/** Colours, sizes and shapes, for light and dark; contrast of text is 4.5 to 1 or more in both. */
import { createTheme } from "@mui/material/styles";

const FOCUS = { outline: "3px solid var(--mui-palette-primary-main)", outlineOffset: 2 } as const;

export const theme = createTheme({
  cssVariables: { colorSchemeSelector: "data-scheme" },
  colorSchemes: {
    light: {
      palette: {
        primary: { main: "#0b5cad" },
        success: { main: "#1b6e3c" },
        warning: { main: "#8a5200" },
        error: { main: "#b3261e" },
        info: { main: "#0b5cad" },
        background: { default: "#f6f7f9", paper: "#ffffff" },
        text: { primary: "#1b1f24", secondary: "#4a5360" },
        divider: "#d5d9df",
      },
    },
    dark: {
      palette: {
        primary: { main: "#8ec1f7" },
        success: { main: "#7fd39c" },
        warning: { main: "#f2b866" },
        error: { main: "#ff9d94" },
        info: { main: "#8ec1f7" },
        background: { default: "#14171c", paper: "#1c2027" },
        text: { primary: "#e8eaed", secondary: "#b3bac4" },
        divider: "#3a4049",
      },
    },
  },
  shape: { borderRadius: 8 },
  typography: {
    fontFamily: 'system-ui, "Segoe UI", Roboto, Helvetica, Arial, sans-serif',
    h1: { fontSize: "1.6rem", fontWeight: 650, lineHeight: 1.25 },
    h2: { fontSize: "1.15rem", fontWeight: 650, lineHeight: 1.3 },
    h3: { fontSize: "1rem", fontWeight: 650, lineHeight: 1.3 },
    button: { textTransform: "none", fontWeight: 600 },
  },
  components: {
    MuiCssBaseline: {
      styleOverrides: {
        "@media (prefers-reduced-motion: reduce)": {
          "*": { animation: "none !important", transition: "none !important" },
        },
        ":focus-visible, input[type=date]:focus-within": FOCUS, // the parts of a date have the focus by themselves
        a: { color: "var(--mui-palette-primary-main)" },
        code: { fontSize: "0.92em", overflowWrap: "anywhere" },
      },
    },
    MuiButtonBase: {
      defaultProps: { disableRipple: true },
      styleOverrides: { root: { "&.Mui-focusVisible": FOCUS } },
    }, // its own style takes the outline away
    MuiPaper: { defaultProps: { variant: "outlined" } },
    MuiTableCell: { styleOverrides: { root: { padding: "8px 12px" }, head: { fontWeight: 650 } } },
  },
});

export type Scheme = "light" | "dark" | "system";
const KEPT = "paydown.scheme";

/** The scheme the person chose, or the system's. */
export function chosenScheme(): Scheme {
  const kept = window.localStorage.getItem(KEPT);
  return kept === "light" || kept === "dark" ? kept : "system";
}

/** Put the scheme on the page before anything is painted by it, and keep it. */
export function applyScheme(scheme: Scheme): void {
  const dark =
    scheme === "dark" ||
    (scheme === "system" && window.matchMedia?.("(prefers-color-scheme: dark)").matches);
  document.documentElement.setAttribute("data-scheme", dark ? "dark" : "light");
  document.documentElement.style.colorScheme = dark ? "dark" : "light";
  if (scheme === "system") window.localStorage.removeItem(KEPT);
  else window.localStorage.setItem(KEPT, scheme);
}
