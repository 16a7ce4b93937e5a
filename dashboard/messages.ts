/** Compiles messages when the dashboard is built, so that the browser needs no parser: plain text stays text, the rest becomes what IntlMessageFormat takes. */
import { parse } from "@formatjs/icu-messageformat-parser";
import type { Plugin } from "vite";

/** A message compiled: its text, or its parts. */
export function compiled(message: string): unknown {
  const parts = parse(message, { shouldParseSkeletons: true });
  const [only] = parts;
  return parts.length === 1 && only?.type === 0 ? only.value : parts;
}

export function messages(): Plugin {
  return {
    name: "messages",
    enforce: "pre",
    transform(code, id) {
      if (!/\/src\/i18n\/[^/]+\.json$/.test(id)) return null;
      const found = JSON.parse(code) as Record<string, string>;
      return JSON.stringify(
        Object.fromEntries(Object.entries(found).map(([key, text]) => [key, compiled(text)])),
      );
    },
  };
}
