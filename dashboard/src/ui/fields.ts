/** Form fields: a label around its control, a text input, a select. */
import { styled } from "@mui/material/styles";

export const Field = styled("label")({
  display: "flex",
  flexDirection: "column",
  gap: 2,
  fontSize: "0.875rem",
  minWidth: 0,
  maxWidth: "100%",
});

const control = {
  font: "inherit",
  fontSize: "1rem",
  padding: "6px 10px",
  borderRadius: 6,
  minHeight: 38,
  maxWidth: "100%",
} as const;

export const Input = styled("input")(({ theme }) => ({
  ...control,
  color: (theme.vars ?? theme).palette.text.primary,
  background: (theme.vars ?? theme).palette.background.paper,
  border: `1px solid ${(theme.vars ?? theme).palette.text.secondary}`,
  width: "22rem",
}));

export const Select = styled("select")(({ theme }) => ({
  ...control,
  color: (theme.vars ?? theme).palette.text.primary,
  background: (theme.vars ?? theme).palette.background.paper,
  border: `1px solid ${(theme.vars ?? theme).palette.text.secondary}`,
}));
