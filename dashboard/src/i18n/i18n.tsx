/**
 * Languages. Every message has an id. `en-US.core.json` holds the messages of the frame and of the
 * home page, which are part of the first load. The rest of English is fetched right after it,
 * before any other page is shown. Other languages are fetched when a person chooses them.
 */
import {
  type FC,
  lazy,
  createContext,
  createElement,
  Fragment,
  type ReactElement,
  type ReactNode,
  use,
  useCallback,
  useEffect,
  useMemo,
  useState,
  useSyncExternalStore,
} from "react";
import { IntlMessageFormat } from "intl-messageformat";
import type { translate } from "./apiTexts.es";
import core from "./en-US.core.json";

type OtherMessages = typeof import("./en-US.json");
export type MessageId = keyof typeof core | Exclude<keyof OtherMessages, "default">;
export type Locale = "en-US" | "es-US";
export const LOCALES: Readonly<Record<Locale, string>> = {
  "en-US": "English (US)",
  "es-US": "Español (EE. UU.)",
};
const LOCALE_KEY = "paydown.locale";
const ZONE_KEY = "paydown.zone";

/** A message as the build compiled it (messages.ts): plain text, or parts that need values. */
type CompiledMessage = string | ConstructorParameters<typeof IntlMessageFormat>[0];
type Messages = Readonly<Record<string, CompiledMessage>>;

let englishMessages: Messages = core;
const englishListeners = new Set<() => void>();

/** Resolves when all English messages are loaded. */
export const allMessages: Promise<void> = import("./en-US.json").then((others) => {
  englishMessages = { ...core, ...others.default };
  for (const notify of englishListeners) notify();
});

/** A part of a page that is loaded when it is shown, together with all messages. */
export function lazyWithMessages<P extends object>(load: () => Promise<{ default: FC<P> }>) {
  return lazy(async () => {
    const [module] = await Promise.all([load(), allMessages]);
    return module;
  });
}

function useEnglish(): Messages {
  return useSyncExternalStore(
    (notify) => {
      englishListeners.add(notify);
      return () => englishListeners.delete(notify);
    },
    () => englishMessages,
  );
}

/** A text of the API in the person's language: in English it is the API's own. */
type ApiText = typeof translate;
const asSent: ApiText = (text) => text;

/** Spanish; null until it is loaded, which begins when `wanted` is true. */
function useSpanish(wanted: boolean): Pick<LanguageSettings, "messages" | "apiText"> | null {
  const [spanish, setSpanish] = useState<ReturnType<typeof useSpanish>>(null);
  useEffect(() => {
    if (wanted && !spanish)
      void Promise.all([import("./es-US.json"), import("./apiTexts.es")]).then(([own, api]) =>
        setSpanish({ messages: own.default, apiText: api.translate }),
      );
  }, [wanted, spanish]);
  return spanish;
}

type LanguageSettings = {
  locale: Locale;
  messages: Messages;
  apiText: ApiText;
  setLocale: (locale: Locale) => void;
  zone: string;
  setZone: (zone: string) => void;
};
const LanguageContext = createContext<LanguageSettings>({
  locale: "en-US",
  messages: core,
  apiText: asSent,
  setLocale: () => undefined,
  zone: "America/Chicago",
  setZone: () => undefined,
});

/** A state that survives a reload, in this browser only. */
function useStored<V extends string>(key: string, initial: () => V): [V, (value: V) => void] {
  const [value, setValue] = useState<V>(initial);
  const store = useCallback(
    (next: V) => {
      window.localStorage.setItem(key, next);
      setValue(next);
    },
    [key],
  );
  return [value, store];
}

const storedLocale = (): Locale =>
  window.localStorage.getItem(LOCALE_KEY) === "es-US" ? "es-US" : "en-US";
const storedZone = (): string =>
  window.localStorage.getItem(ZONE_KEY) ?? Intl.DateTimeFormat().resolvedOptions().timeZone;

/** Gives everything below it the person's language and time zone. */
export function Language({ children }: { children: ReactNode }): ReactElement {
  const [locale, setLocale] = useStored<Locale>(LOCALE_KEY, storedLocale);
  const [zone, setZone] = useStored(ZONE_KEY, storedZone);
  const english = useEnglish();
  const spanish = useSpanish(locale === "es-US");
  useEffect(() => {
    document.documentElement.lang = locale;
  }, [locale]);
  const settings = useMemo<LanguageSettings>(
    () =>
      locale === "es-US" && spanish
        ? { locale, ...spanish, setLocale, zone, setZone }
        : { locale: "en-US", messages: english, apiText: asSent, setLocale, zone, setZone },
    [locale, spanish, english, setLocale, zone, setZone],
  );
  return <LanguageContext value={settings}>{children}</LanguageContext>;
}

/** The person's language and time zone, and how to change them. */
export function useLanguage(): LanguageSettings {
  return use(LanguageContext);
}

/** Texts that the API sends in English, in the person's language. */
export function useApiText(): ApiText {
  return use(LanguageContext).apiText;
}

type FormatValues = Parameters<typeof IntlMessageFormat.prototype.format<ReactNode>>[0];
type Values = Record<string, ReactNode>;
const formats = new WeakMap<object, IntlMessageFormat>();

function formatOf(message: Exclude<CompiledMessage, string>, locale: Locale): IntlMessageFormat {
  const format = formats.get(message) ?? new IntlMessageFormat(message, locale);
  formats.set(message, format);
  return format;
}

/** A message as an element, by its id. `<b>` in the message is bold. */
export function T({ id, values }: { id: MessageId; values?: Values }): ReactElement {
  const { messages, locale } = use(LanguageContext);
  const message = messages[id];
  if (message === undefined || typeof message === "string") return <>{message ?? id}</>;
  const formatted = formatOf(message, locale).format<ReactNode>({
    b: (parts: ReactNode) => inOrder("b", parts),
    ...values,
  } as FormatValues);
  return inOrder(Fragment, formatted);
}

/** An element around the parts of a message. They never move, so they need no keys. */
function inOrder(around: "b" | typeof Fragment, parts: ReactNode): ReactElement {
  return createElement(around, null, ...(Array.isArray(parts) ? (parts as ReactNode[]) : [parts]));
}

/** Messages as plain text, for labels and titles. */
export function useText(): (id: MessageId, values?: Record<string, string | number>) => string {
  const { messages, locale } = use(LanguageContext);
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

/** Whether this id has a message. A newer gateway may send codes and statuses that have none. */
export function isMessageId(id: string): id is MessageId {
  return Object.hasOwn(englishMessages, id);
}
