/** Parts of every page: its frame, notices, cards, lists of facts, and what is shown while there is nothing yet. */
import Box from "@mui/material/Box";
import Paper from "@mui/material/Paper";
import Typography from "@mui/material/Typography";
import { styled } from "@mui/material/styles";
import { type ReactElement, type ReactNode, useEffect, useState } from "react";
import { type Id, T } from "../i18n/i18n";
import { Icon, type IconName } from "./icons";
import type { Tone } from "./states";

/** A page: sets the window's title; `actions` stand beside the heading. */
export function Page({ title, lead, actions, children }: { title: string; lead?: ReactNode; actions?: ReactNode; children: ReactNode }): ReactElement {
  useEffect(() => { document.title = `${title} · paydown`; }, [title]);
  return (
    <>
      <Box sx={{ display: "flex", flexWrap: "wrap", gap: 2, alignItems: "flex-start", justifyContent: "space-between", mb: 2 }}>
        <Box sx={{ minWidth: 0 }}>
          <Typography variant="h1" sx={{ overflowWrap: "anywhere" }}>{title}</Typography>
          {lead && <Typography color="text.secondary" sx={{ mt: 0.5, maxWidth: "75ch" }} component="div">{lead}</Typography>}
        </Box>
        {actions && <Box sx={{ display: "flex", flexWrap: "wrap", gap: 1 }}>{actions}</Box>}
      </Box>
      {children}
    </>
  );
}

export function Card({ title, children, actions }: { title?: ReactNode; children: ReactNode; actions?: ReactNode }): ReactElement {
  return (
    <Paper component="section" sx={{ p: { xs: 1.5, sm: 2 }, mb: 2, minWidth: 0 }}>
      {title && (
        <Box sx={{ display: "flex", flexWrap: "wrap", gap: 1, justifyContent: "space-between", alignItems: "center", mb: 1 }}>
          <Typography variant="h2">{title}</Typography>{actions}
        </Box>
      )}
      {children}
    </Paper>
  );
}

const NoticeBox = styled("div", { shouldForwardProp: (name) => name !== "tone" })<{ tone: Tone }>(({ theme, tone }) => ({
  display: "flex", gap: 10, alignItems: "flex-start", padding: "10px 14px", margin: "0 0 16px", borderRadius: 8, borderLeft: "5px solid",
  background: (theme.vars ?? theme).palette.background.paper, outline: `1px solid ${(theme.vars ?? theme).palette.divider}`,
  borderLeftColor: tone === "neutral" ? (theme.vars ?? theme).palette.text.secondary : (theme.vars ?? theme).palette[tone].main,
  "& > svg": { marginTop: 3, color: tone === "neutral" ? "inherit" : (theme.vars ?? theme).palette[tone].main },
  "& > div": { minWidth: 0 },
}));

const SIGNS: Record<Tone, IconName> = { neutral: "info", info: "info", success: "check-circle", warning: "triangle", error: "octagon" };

/** A sentence that matters. `live` has it read out when it appears. */
export function Notice({ tone, children, live = false, icon }: { tone: Tone; children: ReactNode; live?: boolean; icon?: IconName }): ReactElement {
  return <NoticeBox tone={tone} role={live ? "status" : undefined}><Icon name={icon ?? SIGNS[tone]} /><div>{children}</div></NoticeBox>;
}

const List = styled("dl")({ display: "grid", gridTemplateColumns: "minmax(9em, max-content) 1fr", gap: "6px 16px", margin: 0,
  "& dd": { margin: 0, overflowWrap: "anywhere", minWidth: 0 }, "@media (max-width: 480px)": { gridTemplateColumns: "1fr", "& dd": { marginBottom: 6 } } });

/** Facts: a word and what it is. */
export function Facts({ of }: { of: (readonly [Id, ReactNode])[] }): ReactElement {
  return (
    <List>
      {of.map(([id, value]) => [
        <Typography key={`${id}t`} component="dt" color="text.secondary"><T id={id} /></Typography>, <dd key={`${id}d`}>{value}</dd>,
      ])}
    </List>
  );
}

const Numbers = styled("div")({ display: "grid", gridTemplateColumns: "repeat(auto-fit, minmax(min(12.5rem, 100%), 1fr))", gap: 12, marginBottom: 16 });
export { Numbers };

/** One big number with its money below; all of it may be a link. */
export function BigNumber({ label, value, below, tone }: { label: ReactNode; value: ReactNode; below?: ReactNode; tone?: Tone }): ReactElement {
  return (
    <Paper sx={{ p: 1.5, borderTop: tone ? 4 : undefined, borderTopColor: tone && tone !== "neutral" ? `${tone}.main` : "text.secondary", minWidth: 0 }}>
      <Typography color="text.secondary" variant="body2">{label}</Typography>
      <Typography sx={{ fontSize: "1.6rem", fontWeight: 650, lineHeight: 1.3, overflowWrap: "anywhere" }}>{value}</Typography>
      {below && <Typography color="text.secondary" variant="body2" component="div">{below}</Typography>}
    </Paper>
  );
}

/** Said only after a moment, so that quick answers do not flicker. */
export function Loading(): ReactElement {
  const [late, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), 250);
    return () => clearTimeout(timer);
  }, []);
  return <Box role="status" sx={{ p: 2, minHeight: 80, color: "text.secondary" }}>{late && <T id="loading" />}</Box>;
}

export function Empty({ children }: { children: ReactNode }): ReactElement {
  return <Box role="status" sx={{ p: 2.5, color: "text.secondary", textAlign: "center" }}>{children}</Box>;
}

export const Hidden = styled("span")({ position: "absolute", width: 1, height: 1, overflow: "hidden", clip: "rect(0 0 0 0)", whiteSpace: "nowrap" });
