/**
 * The texts that the API sends, in Spanish. English is the API's own text.
 *
 * `api/es-US.json` has them by the English text as the code of the services writes it. `{}` in the
 * English text is a value: `{0}` is where the first one stands in Spanish, and `{~0}` where one
 * stands that is itself such a text.
 */
import texts from "./api/es-US.json";

/** Where a text is shown, beside whole sentences: parts that mean something only there. */
export type TextKind = "reasons" | "timeline" | "values";
type Template = { pattern: RegExp; translation: string };
type Texts = { exact: ReadonlyMap<string, string>; templates: readonly Template[] };

const index = new Map<TextKind | "sentences", Texts>();

/** The texts of one kind; those with more words of their own are tried first. */
function textsOf(kind: TextKind | "sentences"): Texts {
  const known = index.get(kind);
  if (known) return known;
  const all = Object.entries(texts[kind]).toSorted(([a], [b]) => ownLength(b) - ownLength(a));
  const made = {
    exact: new Map(all),
    templates: all
      .filter(([english]) => english.includes("{}"))
      .map(([english, translation]) => ({ pattern: patternOf(english), translation })),
  };
  index.set(kind, made);
  return made;
}

function ownLength(english: string): number {
  return english.replaceAll("{}", "").length;
}

function patternOf(english: string): RegExp {
  const parts = english.split("{}").map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join("(.+?)")}$`, "s");
}

/** A text of one kind in Spanish; undefined if it is none of them. */
function find(text: string, kind: TextKind | "sentences"): string | undefined {
  const { exact, templates } = textsOf(kind);
  const whole = exact.get(text);
  if (whole !== undefined) return whole;
  for (const { pattern, translation } of templates) {
    const values = pattern.exec(text)?.slice(1);
    if (values)
      return translation.replaceAll(/\{(~?)(\d)\}/g, (_, inner: string, n: string) => {
        const value = values[Number(n)] ?? "";
        return inner ? translate(value, "values") : value;
      });
  }
  return undefined;
}

/**
 * A text of the API in Spanish, or the sentence of its code, or the text itself if neither is known.
 */
export function translate(text: string, kind?: TextKind, code = ""): string {
  const codes: Readonly<Record<string, string>> = texts.codes;
  return (
    find(text, "sentences") ??
    (kind && find(text, kind)) ??
    (Object.hasOwn(codes, code) ? codes[code] : undefined) ??
    text
  );
}
