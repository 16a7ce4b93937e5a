import { styled } from "@mui/material/styles";
import type { ReactElement, ReactNode } from "react";
import { Icon, type IconName } from "./icons";
import type { Tone } from "./statusLooks";

const NoticeBox = styled("div", { shouldForwardProp: (name) => name !== "tone" })<{ tone: Tone }>(
  ({ theme, tone }) => ({
    display: "flex",
    gap: 10,
    alignItems: "flex-start",
    padding: "10px 14px",
    margin: "0 0 16px",
    borderRadius: 8,
    borderLeft: "5px solid",
    background: (theme.vars ?? theme).palette.background.paper,
    outline: `1px solid ${(theme.vars ?? theme).palette.divider}`,
    borderLeftColor:
      tone === "neutral"
        ? (theme.vars ?? theme).palette.text.secondary
        : (theme.vars ?? theme).palette[tone].main,
    "& > svg": {
      marginTop: 3,
      color: tone === "neutral" ? "inherit" : (theme.vars ?? theme).palette[tone].main,
    },
    "& > div": { minWidth: 0 },
  }),
);

const TONE_ICONS: Record<Tone, IconName> = {
  neutral: "info",
  info: "info",
  success: "check-circle",
  warning: "triangle",
  error: "octagon",
};

type NoticeProps = {
  tone: Tone;
  children: ReactNode;
  /** Read out by screen readers when it appears. */
  live?: boolean;
  /** Marks, for the browser scripts, that something could not be fetched. */
  unavailable?: boolean;
  icon?: IconName;
};

/** A sentence that stands out. */
export function Notice(props: NoticeProps): ReactElement {
  const { tone, children, live = false, unavailable = false, icon } = props;
  return (
    <NoticeBox
      tone={tone}
      role={live ? "status" : undefined}
      data-unavailable={unavailable || undefined}
    >
      <Icon name={icon ?? TONE_ICONS[tone]} />
      <div>{children}</div>
    </NoticeBox>
  );
}
