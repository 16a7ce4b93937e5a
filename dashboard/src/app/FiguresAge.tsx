/** Says on every page with figures as of when they are, and what stands behind if they are old. */
import { styled } from "@mui/material/styles";
import { useQueryClient } from "@tanstack/react-query";
import { useRouterState } from "@tanstack/react-router";
import { type ReactElement, useEffect, useState } from "react";
import {
  type FiguresService,
  type Freshness,
  LATELY_MS,
  type PartBehind,
  partName,
  useFreshness,
} from "../api/freshness";
import { T, useText } from "../i18n/i18n";
import { DateTime } from "../ui/format";
import { MutedText } from "../ui/layout";
import { Notice } from "../ui/Notice";
import { oldestRead, servicesOn } from "./figures";

const TICK_MS = 5_000;
const Line = styled("p")({ margin: "0 0 8px", fontSize: "0.85rem", textAlign: "right" });
const Parts = styled("ul")({ margin: "4px 0 0", paddingLeft: 20 });

export default function FiguresAge(): ReactElement | null {
  const path = useRouterState({ select: (state) => state.location.pathname });
  const services = servicesOn(path);
  return services.length === 0 ? null : <AgeOfPage services={services} />;
}

function AgeOfPage({ services }: { services: readonly FiguresService[] }): ReactElement | null {
  const cache = useQueryClient().getQueryCache();
  const readAt = oldestRead(cache);
  const freshness = useFreshness(services, readAt);
  const now = useNow();
  if (!freshness) return null;
  // A page that could not be read has no figures, but the reason may stand behind.
  if (readAt === null && freshness.behind.length === 0) return null;
  return <AgeOfFigures freshness={freshness} readAt={readAt ?? now} now={now} />;
}

type AgeOfFiguresProps = {
  freshness: Freshness;
  /** When the page read its figures, and the time now, in milliseconds since 1970. */
  readAt: number;
  now: number;
};

/** One quiet line; a warning if the figures are older than 30 s, or if it is not known. */
export function AgeOfFigures({ freshness, readAt, now }: AgeOfFiguresProps): ReactElement {
  const { asOf, ageMs, behind } = freshness;
  const notRead = now - readAt > LATELY_MS;
  const at = asOf === null ? null : new Date(Math.min(asOf, readAt)).toISOString();
  const isOld = ageMs === null || ageMs > LATELY_MS || behind.length > 0;
  if (at && !notRead && !isOld)
    return (
      <Line>
        <MutedText>
          <T id="age.as-of" values={{ at: <DateTime at={at} seconds /> }} />
        </MutedText>
      </Line>
    );
  return (
    <Notice tone="warning" live>
      {at ? (
        <T id="age.old" values={{ at: <DateTime at={at} seconds /> }} />
      ) : (
        <T id="age.unknown" />
      )}
      <Parts>
        {behind.map((part) => (
          <li key={partName(part)}>
            <PartSentence part={part} />
          </li>
        ))}
        {notRead && (
          <li>
            <T
              id="age.not-read"
              values={{ at: <DateTime at={new Date(readAt).toISOString()} seconds /> }}
            />
          </li>
        )}
      </Parts>
    </Notice>
  );
}

/** Which part stands behind, and since when. */
function PartSentence({ part }: { part: PartBehind }): ReactElement {
  const text = useText();
  const since = part.since ? <DateTime at={part.since} seconds /> : text("age.since-start");
  return <T id={`age.${part.step}`} values={{ service: part.service, topic: part.topic, since }} />;
}

/** The time now, every five seconds. */
function useNow(): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), TICK_MS);
    return () => clearInterval(timer);
  }, []);
  return now;
}
