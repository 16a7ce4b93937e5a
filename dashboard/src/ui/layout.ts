/** Boxes that pages are laid out with. */
import { styled } from "@mui/material/styles";

/** Children side by side, the first at the left, the last at the right. */
export const Row = styled("div")({
  display: "flex",
  flexWrap: "wrap",
  gap: 8,
  alignItems: "center",
  justifyContent: "space-between",
  "& > *": { minWidth: 0 },
});

/** Buttons or links side by side. */
export const ButtonRow = styled("div")({
  display: "flex",
  flexWrap: "wrap",
  gap: 8,
  alignItems: "center",
});

/** Facts beside a heading: status, period, id. */
export const LeadRow = styled("div")({
  display: "flex",
  flexWrap: "wrap",
  gap: "4px 12px",
  alignItems: "center",
});

/** Fields one below the other. */
export const FormGrid = styled("form")({ display: "grid", gap: 12, justifyItems: "start" });

/** Text of secondary weight. */
export const Muted = styled("div")(({ theme }) => ({
  color: (theme.vars ?? theme).palette.text.secondary,
  maxWidth: "75ch",
}));

/** Text of secondary weight within a sentence. */
export const MutedText = styled("span")(({ theme }) => ({
  color: (theme.vars ?? theme).palette.text.secondary,
}));

/** A framed area. */
export const Panel = styled("section")(({ theme }) => ({
  background: (theme.vars ?? theme).palette.background.paper,
  border: `1px solid ${(theme.vars ?? theme).palette.divider}`,
  borderRadius: 8,
  padding: 16,
  marginBottom: 16,
  minWidth: 0,
  "& h2": { margin: 0, fontSize: "1.15rem", fontWeight: 650, lineHeight: 1.3 },
  "& p": { marginTop: 4 },
  "@media (max-width: 600px)": { padding: 12 },
}));

/** Read by screen readers, not shown. */
export const VisuallyHidden = styled("span")({
  position: "absolute",
  width: 1,
  height: 1,
  overflow: "hidden",
  clip: "rect(0 0 0 0)",
  whiteSpace: "nowrap",
});
