import { styled } from "@mui/material/styles";
import type { ReactElement } from "react";
import { isId, T, useText } from "../i18n/i18n";
import { Icon } from "./icons";
import { type Kind, lookOf, type Tone } from "./states";

const Chip = styled("span", { shouldForwardProp: (name) => name !== "tone" })<{ tone: Tone }>(
  ({ theme, tone }) => ({
    display: "inline-flex",
    alignItems: "center",
    gap: 6,
    padding: "2px 10px 2px 8px",
    borderRadius: 999,
    border: "1px solid",
    fontSize: "0.875rem",
    fontWeight: 600,
    whiteSpace: "nowrap",
    lineHeight: 1.5,
    color:
      tone === "neutral"
        ? (theme.vars ?? theme).palette.text.secondary
        : (theme.vars ?? theme).palette[tone].main,
  }),
);

/** A state: its own icon, its word; what it means is in the tooltip and, with `said`, beside it. */
export function StateChip({ kind, state }: { kind: Kind; state: string }): ReactElement {
  const text = useText();
  const look = lookOf(kind, state);
  const word = `state.${kind}.${state}`;
  const means = `${word}.means`;
  return (
    <Chip tone={look.tone} title={isId(means) ? text(means) : undefined}>
      <Icon name={look.icon} />
      {isId(word) ? <T id={word} /> : state}
    </Chip>
  );
}

/** The sentence that says what a state means. */
export function StateMeans({ kind, state }: { kind: Kind; state: string }): ReactElement | null {
  const means = `state.${kind}.${state}.means`;
  return isId(means) ? <T id={means} /> : null;
}
