import Box from "@mui/material/Box";
import { styled } from "@mui/material/styles";
import type { ReactElement } from "react";
import type { TimelineEntry } from "../api/client";
import { ApiText } from "../i18n/ApiText";
import { T, useApiText } from "../i18n/i18n";
import { Card } from "../ui/Card";
import { Code, DateTime } from "../ui/format";
import { Icon, type IconName } from "../ui/icons";
import { MutedText } from "../ui/layout";
import { Word } from "../ui/Word";

const ICONS: Readonly<Record<string, IconName>> = {
  upload: "arrow-down",
  check: "check",
  row: "box",
  issue: "triangle",
  approval: "hand",
  journal: "copy",
  status: "arrow-right",
  attempt: "arrow-right",
  webhook: "dots",
  flag: "question",
  certificate: "check-circle",
};

/** Entries one below the other, joined by a line. */
const Line = styled("ol")(({ theme }) => ({
  listStyle: "none",
  margin: 0,
  padding: 0,
  "& > li": {
    display: "grid",
    gridTemplateColumns: "28px minmax(0, 1fr)",
    gap: 8,
    paddingBottom: 16,
    position: "relative",
  },
  "& > li:not(:last-child)::before": {
    content: '""',
    position: "absolute",
    left: 11,
    top: 24,
    bottom: 0,
    width: 2,
    background: (theme.vars ?? theme).palette.divider,
  },
}));

type PaymentTimelineProps = { entries: readonly TimelineEntry[] };

/** What happened to a payment, the oldest first. */
export function PaymentTimeline({ entries }: PaymentTimelineProps): ReactElement {
  return (
    <Card title={<T id="payment.timeline" />}>
      <Line>
        {entries.map((entry, n) => (
          // oxlint-disable-next-line react/no-array-index-key -- new entries come at the end only
          <Entry key={`${entry.at}${entry.kind}${n}`} entry={entry} />
        ))}
      </Line>
    </Card>
  );
}

function Entry({ entry }: { entry: TimelineEntry }): ReactElement {
  const apiText = useApiText();
  return (
    <li>
      <Box sx={{ pt: "2px" }}>
        <Icon name={ICONS[entry.kind] ?? "info"} />
      </Box>
      <div>
        <b>
          <ApiText text={entry.title} kind="timeline" />
        </b>{" "}
        <MutedText>
          <Word prefix="kind" code={entry.kind} /> · <DateTime at={entry.at} />
        </MutedText>
        {entry.detail && (
          <Box sx={{ overflowWrap: "anywhere" }}>
            {entry.detail
              .split(" · ")
              .map((part) => apiText(part, "timeline"))
              .join(" · ")}
          </Box>
        )}
        {entry.evidence && (
          <Box sx={{ color: "text.secondary", overflowWrap: "anywhere" }}>
            <Code>{entry.evidence}</Code>
          </Box>
        )}
      </div>
    </li>
  );
}
