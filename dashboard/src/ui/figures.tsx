/** Numbers, money, times and ids as people read them. */
import { styled } from "@mui/material/styles";
import type { ReactElement } from "react";
import { useLanguage } from "../i18n/i18n";
import { formatMoney } from "./money";

const Figure = styled("span")({ fontVariantNumeric: "tabular-nums", whiteSpace: "nowrap" });

export function Money({ cents }: { cents: number }): ReactElement {
  const { locale } = useLanguage();
  return <Figure>{formatMoney(cents, locale)}</Figure>;
}

export function Count({ of }: { of: number }): ReactElement {
  const { locale } = useLanguage();
  return <Figure>{of.toLocaleString(locale)}</Figure>;
}

/** A moment, in the chosen zone with its name; the exact UTC in the tooltip. */
export function When({ at }: { at: string | null | undefined }): ReactElement {
  const { locale, zone } = useLanguage();
  if (!at) return <>—</>;
  const moment = new Date(at);
  if (Number.isNaN(moment.getTime())) return <>{at}</>;
  const text = moment.toLocaleString(locale, {
    year: "numeric",
    month: "short",
    day: "numeric",
    hour: "numeric",
    minute: "2-digit",
    timeZoneName: "short",
    timeZone: zone,
  });
  return (
    <time dateTime={at} title={moment.toISOString()}>
      {text}
    </time>
  );
}

/** A plain date; it belongs to no zone and is never shifted. */
export function Day({ date }: { date: string | undefined }): ReactElement {
  const { locale } = useLanguage();
  if (!date) return <>—</>;
  return (
    <time dateTime={date}>
      {new Date(`${date}T00:00:00Z`).toLocaleDateString(locale, {
        year: "numeric",
        month: "short",
        day: "numeric",
        timeZone: "UTC",
      })}
    </time>
  );
}

/** A length of time in the two largest units that say something. */
export function lengthOf(seconds: number, locale: string): string {
  const parts: [number, "day" | "hour" | "minute" | "second"][] = [
    [86_400, "day"],
    [3_600, "hour"],
    [60, "minute"],
    [1, "second"],
  ];
  const words: string[] = [];
  let rest = Math.max(0, Math.round(seconds));
  for (const [size, unit] of parts) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0 && words.length < 2)
      words.push(
        new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "long" }).format(count),
      );
    else if (words.length > 0) break;
  }
  return (
    words.join(" ") ||
    new Intl.NumberFormat(locale, { style: "unit", unit: "second", unitDisplay: "long" }).format(0)
  );
}

export function Duration({ seconds }: { seconds: number }): ReactElement {
  const { locale } = useLanguage();
  return <>{lengthOf(seconds, locale)}</>;
}

const Mono = styled("code")({ fontFamily: "ui-monospace, Consolas, monospace" });

/** An id: its beginning, whole in the tooltip. Its kind in front (BRC-, CORP-) is kept. */
export function ShortId({ id }: { id: string }): ReactElement {
  return <Mono title={id}>{shortId(id)}</Mono>;
}

export function shortId(id: string): string {
  const found = /^([A-Z]+-)?([0-9a-f]{8})-[0-9a-f]{4}-/.exec(id);
  return found ? `${found[1] ?? ""}${found[2] ?? ""}` : id;
}

export function Code({ children }: { children: string }): ReactElement {
  return <Mono>{children}</Mono>;
}
