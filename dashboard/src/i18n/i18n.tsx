/**
 * Languages. Messages have explicit ids. What the frame and the first page say is in the first load; the rest of English comes
 * right behind it, before any other page is shown, and other languages when they are chosen.
 */
import {
  createContext,
  Fragment,
  type ReactElement,
  type ReactNode,
  use,
  useEffect,
  useMemo,
  useState,
  useSyncExternalStore,
} from "react";
import { IntlMessageFormat } from "intl-messageformat";
import core from "./en-US.core.json";

type Rest = typeof import("./en-US.json");
export type Id = keyof typeof core | Exclude<keyof Rest, "default">;
export type Locale = "en-US" | "es-US";
export const LOCALES: Readonly<Record<Locale, string>> = {
  "en-US": "English (US)",
  "es-US": "Español (EE. UU.)",
};
const KEPT = "paydown.locale";
const ZONE_KEPT = "paydown.zone";

/** As the build compiled them (messages.ts): text, or parts to be formatted. */
type Compiled = string | ConstructorParameters<typeof IntlMessageFormat>[0];
type Messages = Readonly<Record<string, Compiled>>;

let english: Messages = core;
const waiting = new Set<() => void>();

/** When all English messages are here. */
export const allMessages: Promise<void> = import("./en-US.json").then((rest) => {
  english = { ...core, ...rest.default };
  for (const tell of waiting) tell();
});

function useEnglish(): Messages {
  return useSyncExternalStore(
    (tell) => {
      waiting.add(tell);
      return () => waiting.delete(tell);
    },
    () => english,
  );
}

type Choice = {
  locale: Locale;
  messages: Messages;
  choose: (locale: Locale) => void;
  zone: string;
  chooseZone: (zone: string) => void;
};
const Chosen = createContext<Choice>({
  locale: "en-US",
  messages: core,
  choose: () => undefined,
  zone: "America/Chicago",
  chooseZone: () => undefined,
});

export function Language({ children }: { children: ReactNode }): ReactElement {
  const [locale, setLocale] = useState<Locale>(() =>
    window.localStorage.getItem(KEPT) === "es-US" ? "es-US" : "en-US",
  );
  const [zone, setZone] = useState(
    () =>
      window.localStorage.getItem(ZONE_KEPT) ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
  );
  const [spanish, setSpanish] = useState<Messages | null>(null);
  useEffect(() => {
    if (locale === "es-US" && !spanish)
      void import("./es-US.json").then((found) => setSpanish(found.default));
    document.documentElement.lang = locale;
  }, [locale, spanish]);
  const inEnglish = useEnglish();
  const shown: Locale = locale === "es-US" && spanish ? "es-US" : "en-US";
  const messages = shown === "es-US" && spanish ? spanish : inEnglish;
  const choice = useMemo<Choice>(
    () => ({
      locale: shown,
      messages,
      zone,
      choose: (next) => {
        window.localStorage.setItem(KEPT, next);
        setLocale(next);
      },
      chooseZone: (next) => {
        window.localStorage.setItem(ZONE_KEPT, next);
        setZone(next);
      },
    }),
    [shown, messages, zone],
  );
  return <Chosen value={choice}>{children}</Chosen>;
}

export function useLanguage(): Choice {
  return use(Chosen);
}

type FormatValues = Parameters<typeof IntlMessageFormat.prototype.format<ReactNode>>[0];
type Values = Record<string, ReactNode>;
const formats = new WeakMap<object, IntlMessageFormat>();

function formatOf(message: Exclude<Compiled, string>, locale: Locale): IntlMessageFormat {
  const made = formats.get(message) ?? new IntlMessageFormat(message, locale);
  formats.set(message, made);
  return made;
}

/** A message by its id; `<b>` in it is bold. */
export function T({ id, values }: { id: Id; values?: Values }): ReactElement {
  const { messages, locale } = use(Chosen);
  const message = messages[id];
  if (message === undefined || typeof message === "string") return <>{message ?? id}</>;
  const said = formatOf(message, locale).format<ReactNode>({ b: bold, ...values } as FormatValues);
  return (
    <>
      {Array.isArray(said)
        ? // oxlint-disable-next-line react/no-array-index-key -- the parts of a sentence keep their places
          said.map((part: ReactNode, n) => <Fragment key={n}>{part}</Fragment>)
        : said}
    </>
  );
}

function bold(chunks: ReactNode): ReactElement {
  return <b>{chunks}</b>;
}

/** Messages as text, for labels and titles. */
export function useText(): (id: Id, values?: Record<string, string | number>) => string {
  const { messages, locale } = use(Chosen);
  return useMemo(
    () => (id, values) => {
      const message = messages[id];
      return message === undefined || typeof message === "string"
        ? (message ?? id)
        : String(formatOf(message, locale).format(values));
    },
    [messages, locale],
  );
}

/** Whether there is a message of this id; for codes and states that a newer gateway may know and this page not. */
export function isId(id: string): id is Id {
  return Object.hasOwn(english, id);
}
