/** Languages. Messages have explicit ids; English is in the first load, others come when chosen. */
import { createContext, type ReactElement, type ReactNode, use, useEffect, useMemo, useState } from "react";
import { FormattedMessage, IntlProvider, useIntl } from "react-intl";
import english from "./en-US.json";

export type Id = keyof typeof english;
export type Locale = "en-US" | "es-US";
export const LOCALES: Readonly<Record<Locale, string>> = { "en-US": "English (US)", "es-US": "Español (EE. UU.)" };
const KEPT = "paydown.locale";
const PAY_ZONE = "America/Chicago"; // the zone of the pay calendar; times are shown in the zone the person chose
const ZONE_KEPT = "paydown.zone";

type Choice = { locale: Locale; choose: (locale: Locale) => void; zone: string; chooseZone: (zone: string) => void };
const Chosen = createContext<Choice>({ locale: "en-US", choose: () => undefined, zone: PAY_ZONE, chooseZone: () => undefined });

export function Language({ children }: { children: ReactNode }): ReactElement {
  const [locale, setLocale] = useState<Locale>(() => (window.localStorage.getItem(KEPT) === "es-US" ? "es-US" : "en-US"));
  const [zone, setZone] = useState(() => window.localStorage.getItem(ZONE_KEPT) ?? Intl.DateTimeFormat().resolvedOptions().timeZone);
  const [spanish, setSpanish] = useState<Record<string, string> | null>(null);
  useEffect(() => {
    if (locale === "es-US" && !spanish) void import("./es-US.json").then((found) => setSpanish(found.default));
    document.documentElement.lang = locale;
  }, [locale, spanish]);
  const choice = useMemo<Choice>(() => ({
    locale, zone,
    choose: (next) => { window.localStorage.setItem(KEPT, next); setLocale(next); },
    chooseZone: (next) => { window.localStorage.setItem(ZONE_KEPT, next); setZone(next); },
  }), [locale, zone]);
  const messages = locale === "es-US" && spanish ? spanish : english;
  return (
    <Chosen value={choice}>
      <IntlProvider locale={locale === "es-US" && spanish ? locale : "en-US"} defaultLocale="en-US" messages={messages} timeZone={zone}>{children}</IntlProvider>
    </Chosen>
  );
}

export function useLanguage(): Choice {
  return use(Chosen);
}

type Values = Record<string, ReactNode>;

/** A message by its id; `<b>` in it is bold. */
export function T({ id, values }: { id: Id; values?: Values }): ReactElement {
  return <FormattedMessage id={id} values={{ b: bold, ...values } as Parameters<typeof FormattedMessage>[0]["values"]} />;
}

function bold(chunks: ReactNode): ReactElement {
  return <b>{chunks}</b>;
}

/** Messages as text, for labels and titles. */
export function useText(): (id: Id, values?: Record<string, string | number>) => string {
  const intl = useIntl();
  return useMemo(() => (id, values) => intl.formatMessage({ id }, values), [intl]);
}

/** Whether there is a message of this id; for codes and states that a newer gateway may know and this page not. */
export function isId(id: string): id is Id {
  return Object.hasOwn(english, id);
}
