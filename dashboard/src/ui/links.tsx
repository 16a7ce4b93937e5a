/** Links and plain buttons that are small enough for the first load. */
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

const FilledAnchor = styled("a")(({ theme }) => ({
  ...look,
  background: (theme.vars ?? theme).palette.primary.main,
  color: (theme.vars ?? theme).palette.primary.contrastText,
  border: "1px solid transparent",
  "&:hover": { textDecoration: "underline" },
}));

/** An address outside the dashboard's own pages, that looks like a button. */
export const LinkLook = FilledAnchor;

/** A link that looks like a button. It is a link, so it can be opened in a new tab. */
export const ButtonLink = createLink(FilledAnchor);

export const PlainButton = styled("button")(({ theme }) => ({
  ...look,
  padding: "4px 12px",
  minHeight: 34,
  background: "transparent",
  color: (theme.vars ?? theme).palette.primary.main,
  border: "1px solid currentColor",
  "&:hover": { background: (theme.vars ?? theme).palette.action.hover },
}));

export { Link };
