import { useEffect, useState } from "react";
import { useLanguage } from "./i18n";

/**
 * Why a file was refused, in the person's language, or null where the server's own text is shown:
 * in English, which it is in, and for a code that is not known here.
 */
export function useFileFault(code: string): string | null {
  const { locale } = useLanguage();
  const [spanish, setSpanish] = useState<Readonly<Record<string, string>>>({});
  useEffect(() => {
    if (locale === "es-US")
      void import("./fileFaults.es").then((module) => setSpanish(module.FILE_FAULTS));
  }, [locale]);
  return locale === "es-US" ? (spanish[code] ?? null) : null;
}
