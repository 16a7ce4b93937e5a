import { styled } from "@mui/material/styles";
import type { ReactElement } from "react";
import { isMessageId, T, useText } from "../i18n/i18n";
import { Icon } from "./icons";
import { lookOf, type StatusKind, type Tone } from "./statusLooks";

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

type StatusProps = { kind: StatusKind; status: string };

/** A status: its icon and its word; the tooltip says what it means. */
export function StatusChip({ kind, status }: StatusProps): ReactElement {
  const text = useText();
  const look = lookOf(kind, status);
  const word = `status.${kind}.${status}`;
  const means = `${word}.means`;
  return (
    <Chip tone={look.tone} title={isMessageId(means) ? text(means) : undefined}>
      <Icon name={look.icon} />
      {isMessageId(word) ? <T id={word} /> : status}
    </Chip>
  );
}

/** The sentence that says what a status means. */
export function StatusMeaning({ kind, status }: StatusProps): ReactElement | null {
  const means = `status.${kind}.${status}.means`;
  return isMessageId(means) ? <T id={means} /> : null;
}
