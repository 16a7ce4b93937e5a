/** Parts of every page: its frame, notices, cards, lists of facts, and what is shown while there is nothing yet. */
import { styled } from "@mui/material/styles";
import { type ReactElement, type ReactNode, useEffect, useState } from "react";
import { type Id, T } from "../i18n/i18n";
import { Icon, type IconName } from "./icons";
import type { Tone } from "./states";

const Row = styled("div")({
  display: "flex",
  flexWrap: "wrap",
  gap: 8,
  alignItems: "center",
  justifyContent: "space-between",
  "& > *": { minWidth: 0 },
});
const Quiet = styled("div")(({ theme }) => ({
  color: (theme.vars ?? theme).palette.text.secondary,
  maxWidth: "75ch",
}));
const Heading = styled("h1")({
  margin: 0,
  fontSize: "1.6rem",
  fontWeight: 650,
  lineHeight: 1.25,
  overflowWrap: "anywhere",
});
const Sheet = styled("section")(({ theme }) => ({
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

/** A page: sets the window's title; `actions` stand beside the heading. */
export function Page({
  title,
  lead,
  actions,
  children,
}: {
  title: string;
  lead?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}): ReactElement {
  useEffect(() => {
    document.title = `${title} · paydown`;
  }, [title]);
  return (
    <>
      <Row style={{ marginBottom: 16, alignItems: "flex-start" }}>
        <div>
          <Heading tabIndex={-1}>{title}</Heading>
          {lead && <Quiet>{lead}</Quiet>}
        </div>
        {actions && <Row>{actions}</Row>}
      </Row>
      {children}
    </>
  );
}

export function Card({
  title,
  children,
  actions,
}: {
  title?: ReactNode;
  children: ReactNode;
  actions?: ReactNode;
}): ReactElement {
  return (
    <Sheet>
      {title && (
        <Row style={{ marginBottom: 8 }}>
          <h2>{title}</h2>
          {actions}
        </Row>
      )}
      {children}
    </Sheet>
  );
}

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

const SIGNS: Record<Tone, IconName> = {
  neutral: "info",
  info: "info",
  success: "check-circle",
  warning: "triangle",
  error: "octagon",
};

type NoticeProps = {
  tone: Tone;
  children: ReactNode;
  live?: boolean;
  away?: boolean;
  icon?: IconName;
};

/** A sentence that matters. `live` has it read out when it appears; `away` marks, for tests, that something cannot be had now. */
export function Notice({
  tone,
  children,
  live = false,
  away = false,
  icon,
}: NoticeProps): ReactElement {
  return (
    <NoticeBox tone={tone} role={live ? "status" : undefined} data-away={away || undefined}>
      <Icon name={icon ?? SIGNS[tone]} />
      <div>{children}</div>
    </NoticeBox>
  );
}

const List = styled("dl")(({ theme }) => ({
  "& dt": { color: (theme.vars ?? theme).palette.text.secondary },
  display: "grid",
  gridTemplateColumns: "minmax(9em, max-content) 1fr",
  gap: "6px 16px",
  margin: 0,
  "& dd": { margin: 0, overflowWrap: "anywhere", minWidth: 0 },
  "@media (max-width: 480px)": { gridTemplateColumns: "1fr", "& dd": { marginBottom: 6 } },
}));

/** Facts: a word and what it is. */
export function Facts({ of }: { of: (readonly [Id, ReactNode])[] }): ReactElement {
  return (
    <List>
      {of.map(([id, value]) => [
        <dt key={`${id}t`}>
          <T id={id} />
        </dt>,
        <dd key={`${id}d`}>{value}</dd>,
      ])}
    </List>
  );
}

const Numbers = styled("div")({
  display: "grid",
  gridTemplateColumns: "repeat(auto-fit, minmax(min(12.5rem, 100%), 1fr))",
  gap: 12,
  marginBottom: 16,
});
export { Numbers };

const Figure = styled(Sheet, { shouldForwardProp: (name) => name !== "tone" })<{ tone: Tone }>(
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

/** One big number with its money below; all of it may be a link. */
export function BigNumber({
  label,
  value,
  below,
  tone = "neutral",
}: {
  label: ReactNode;
  value: ReactNode;
  below?: ReactNode;
  tone?: Tone;
}): ReactElement {
  return (
    <Figure tone={tone}>
      <Quiet>{label}</Quiet>
      <b>{value}</b>
      {below && <Quiet>{below}</Quiet>}
    </Figure>
  );
}

const LATE_MS = 250;
const LONG_MS = 3_000;

/** Said only after a moment, so that quick answers do not flicker; after some more, that the answer is overdue. */
export function Loading(): ReactElement {
  const [late, setLate] = useState<Id | null>(null);
  useEffect(() => {
    const timers = [
      setTimeout(() => setLate("loading"), LATE_MS),
      setTimeout(() => setLate("loading.long"), LONG_MS),
    ];
    return () => timers.forEach(clearTimeout);
  }, []);
  return (
    <Quiet role="status" data-loading style={{ padding: 16, minHeight: 80 }}>
      {late && <T id={late} />}
    </Quiet>
  );
}

export function Empty({ children }: { children: ReactNode }): ReactElement {
  return (
    <Quiet role="status" style={{ padding: 20, textAlign: "center", maxWidth: "none" }}>
      {children}
    </Quiet>
  );
}

export const Hidden = styled("span")({
  position: "absolute",
  width: 1,
  height: 1,
  overflow: "hidden",
  clip: "rect(0 0 0 0)",
  whiteSpace: "nowrap",
});
