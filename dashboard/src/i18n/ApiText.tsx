import type { ReactElement } from "react";
import type { TextKind } from "./apiTexts.es";
import { useApiText } from "./i18n";

type ApiTextProps = {
  text: string;
  kind?: TextKind;
  /** Says what it is about where the text is not ours, such as the provider's. */
  code?: string;
};

/** A text that the API sends in English, in the person's language. */
export function ApiText({ text, kind, code }: ApiTextProps): ReactElement {
  return <>{useApiText()(text, kind, code)}</>;
}
