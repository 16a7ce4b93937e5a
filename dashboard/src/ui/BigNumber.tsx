import { styled } from "@mui/material/styles";
import type { ReactElement, ReactNode } from "react";
import { Muted, Panel } from "./layout";
import type { Tone } from "./statusLooks";

/** Big numbers side by side. */
export const BigNumbers = styled("div")({
  display: "grid",
  gridTemplateColumns: "repeat(auto-fit, minmax(min(12.5rem, 100%), 1fr))",
  gap: 12,
  marginBottom: 16,
});

const TonedPanel = styled(Panel, { shouldForwardProp: (name) => name !== "tone" })<{ tone: Tone }>(
  ({ theme, tone }) => ({
    marginBottom: 0,
    padding: 12,
    borderTop: "4px solid",
    borderTopColor:
      tone === "neutral"
        ? (theme.vars ?? theme).palette.divider
        : (theme.vars ?? theme).palette[tone].main,
    "& > b": {
      display: "block",
      fontSize: "1.6rem",
      fontWeight: 650,
      lineHeight: 1.3,
      overflowWrap: "anywhere",
    },
  }),
);

type BigNumberProps = { label: ReactNode; value: ReactNode; below?: ReactNode; tone?: Tone };

/** One number with its label above and an explanation below. */
export function BigNumber({ label, value, below, tone = "neutral" }: BigNumberProps): ReactElement {
  return (
    <TonedPanel tone={tone}>
      <Muted>{label}</Muted>
      <b>{value}</b>
      {below && <Muted>{below}</Muted>}
    </TonedPanel>
  );
}
