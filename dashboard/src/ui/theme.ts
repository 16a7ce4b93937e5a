/**
 * Colors, sizes and shapes for light and dark. Text has a contrast of at least 4.5 to 1 in both.
 */
import { createTheme } from "@mui/material/styles";

const FOCUS = { outline: "3px solid var(--mui-palette-primary-main)", outlineOffset: 2 } as const;

const LIGHT = {
  primary: { main: "#0b5cad" },
  success: { main: "#1b6e3c" },
  warning: { main: "#8a5200" },
  error: { main: "#b3261e" },
  info: { main: "#0b5cad" },
  background: { default: "#f6f7f9", paper: "#ffffff" },
  text: { primary: "#1b1f24", secondary: "#4a5360" },
  divider: "#d5d9df",
};
const DARK = {
  primary: { main: "#8ec1f7" },
  success: { main: "#7fd39c" },
  warning: { main: "#f2b866" },
  error: { main: "#ff9d94" },
  info: { main: "#8ec1f7" },
  background: { default: "#14171c", paper: "#1c2027" },
  text: { primary: "#e8eaed", secondary: "#b3bac4" },
  divider: "#3a4049",
};

export const theme = createTheme({
  cssVariables: { colorSchemeSelector: "data-scheme" },
  colorSchemes: { light: { palette: LIGHT }, dark: { palette: DARK } },
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
        // In a date field the focus is on its parts, so the field itself never matches
        // focus-visible.
        ":focus-visible, input[type=date]:focus-within": FOCUS,
        a: { color: "var(--mui-palette-primary-main)" },
        code: { fontSize: "0.92em", overflowWrap: "anywhere" },
      },
    },
    MuiButtonBase: {
      defaultProps: { disableRipple: true },
      // MUI's own style removes the outline of a focused button; this brings it back.
      styleOverrides: { root: { "&.Mui-focusVisible": FOCUS } },
    },
    MuiPaper: { defaultProps: { variant: "outlined" } },
    MuiTableCell: { styleOverrides: { root: { padding: "8px 12px" }, head: { fontWeight: 650 } } },
  },
});
