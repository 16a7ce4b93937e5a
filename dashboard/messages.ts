/**
 * Compiles the messages when the dashboard is built, so that the browser needs no parser. Plain text
 * stays text; a message with values becomes what IntlMessageFormat takes.
 */
import { parse } from "@formatjs/icu-messageformat-parser";
import type { Plugin } from "vite";

/** A compiled message: its text, or its parts. Throws if the message cannot be parsed. */
function compile(message: string): unknown {
  const parts = parse(message, { shouldParseSkeletons: true });
  const [first] = parts;
  return parts.length === 1 && first?.type === 0 ? first.value : parts;
}

/** A plugin of the build for the files in src/i18n. */
export function messages(): Plugin {
  return {
    name: "messages",
    enforce: "pre",
    transform(code, id) {
      if (!/\/src\/i18n\/[^/]+\.json$/.test(id)) return null;
      const texts = JSON.parse(code) as Record<string, string>;
      const compiled = Object.entries(texts).map(([key, text]) => [key, compile(text)]);
      return JSON.stringify(Object.fromEntries(compiled));
    },
  };
}
