/** Numbers, money, times and ids as people read them. */
import { styled } from "@mui/material/styles";
import type { ReactElement } from "react";
import { useLanguage } from "../i18n/i18n";
import { formatMoney } from "./money";

const Digits = styled("span")({ fontVariantNumeric: "tabular-nums", whiteSpace: "nowrap" });

export function Money({ cents }: { cents: number }): ReactElement {
  const { locale } = useLanguage();
  return <Digits>{formatMoney(cents, locale)}</Digits>;
}

export function Count({ value }: { value: number }): ReactElement {
  const { locale } = useLanguage();
  return <Digits>{value.toLocaleString(locale)}</Digits>;
}

const MOMENT = {
  year: "numeric",
  month: "short",
  day: "numeric",
  hour: "numeric",
  minute: "2-digit",
  timeZoneName: "short",
} as const;

type DateTimeProps = { at: string | null | undefined; seconds?: boolean };

/** A moment in the chosen time zone, with the zone's name. The tooltip is the exact UTC time. */
export function DateTime({ at, seconds = false }: DateTimeProps): ReactElement {
  const { locale, zone } = useLanguage();
  if (!at) return <>—</>;
  const moment = new Date(at);
  if (Number.isNaN(moment.getTime())) return <>{at}</>;
  return (
    <time dateTime={at} title={moment.toISOString()}>
      {moment.toLocaleString(locale, {
        ...MOMENT,
        second: seconds ? "2-digit" : undefined,
        timeZone: zone,
      })}
    </time>
  );
}

/** A plain date. It belongs to no time zone and is never shifted. */
export function PlainDate({ date }: { date: string | undefined }): ReactElement {
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

const UNITS = [
  [86_400, "day"],
  [3_600, "hour"],
  [60, "minute"],
  [1, "second"],
] as const;

/** A length of time in its two largest units, such as "1 hour 20 minutes". */
export function formatDuration(seconds: number, locale: string): string {
  const format = (count: number, unit: string) =>
    new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "long" }).format(count);
  const words: string[] = [];
  let rest = Math.max(0, Math.round(seconds));
  for (const [size, unit] of UNITS) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0 && words.length < 2) words.push(format(count, unit));
    else if (words.length > 0) break;
  }
  return words.join(" ") || format(0, "second");
}

export function Duration({ seconds }: { seconds: number }): ReactElement {
  const { locale } = useLanguage();
  return <>{formatDuration(seconds, locale)}</>;
}

/** A file size in kilobytes or megabytes. */
export function FileSize({ bytes }: { bytes: number }): ReactElement {
  const { locale } = useLanguage();
  const [value, unit] =
    bytes >= 1_000_000
      ? ([bytes / 1_000_000, "megabyte"] as const)
      : ([bytes / 1_000, "kilobyte"] as const);
  return <>{value.toLocaleString(locale, { style: "unit", unit, maximumFractionDigits: 1 })}</>;
}

const Monospace = styled("code")({ fontFamily: "ui-monospace, Consolas, monospace" });

/** The beginning of an id; the tooltip is the whole id. */
export function ShortId({ id }: { id: string }): ReactElement {
  return <Monospace title={id}>{shortId(id)}</Monospace>;
}

/** The first 8 digits of a UUID, with its prefix (BRC-, CORP-); any other text stays as it is. */
export function shortId(id: string): string {
  const uuid = /^([A-Z]+-)?([0-9a-f]{8})-[0-9a-f]{4}-/.exec(id);
  return uuid ? `${uuid[1] ?? ""}${uuid[2] ?? ""}` : id;
}

export function Code({ children }: { children: string }): ReactElement {
  return <Monospace>{children}</Monospace>;
}
