/** Links and plain buttons of the first load; a link that looks like a button is still a link, so it opens in a new tab too. */
import { styled } from "@mui/material/styles";
import { createLink, Link } from "@tanstack/react-router";

const look = {
  font: "inherit",
  fontSize: "0.9375rem",
  fontWeight: 600,
  lineHeight: 1.6,
  padding: "6px 16px",
  borderRadius: 8,
  cursor: "pointer",
  minHeight: 38,
  boxSizing: "border-box",
  display: "inline-flex",
  alignItems: "center",
  gap: 8,
  textDecoration: "none",
} as const;

const Strong = styled("a")(({ theme }) => ({
  ...look,
  background: (theme.vars ?? theme).palette.primary.main,
  color: (theme.vars ?? theme).palette.primary.contrastText,
  border: "1px solid transparent",
  "&:hover": { textDecoration: "underline" },
}));

export const ButtonLink = createLink(Strong);

export const Press = styled("button")(({ theme }) => ({
  ...look,
  padding: "4px 12px",
  minHeight: 34,
  background: "transparent",
  color: (theme.vars ?? theme).palette.primary.main,
  border: "1px solid currentColor",
  "&:hover": { background: (theme.vars ?? theme).palette.action.hover },
}));

export { Link };
