import type { ReactElement } from "react";
import { isMessageId, T } from "../i18n/i18n";

type WordProps = { prefix: string; code: string };

/**
 * A code of the API in words: the message `<prefix>.<code>`. A code without a message is shown as
 * it is.
 */
export function Word({ prefix, code }: WordProps): ReactElement {
  const id = `${prefix}.${code}`;
  return isMessageId(id) ? <T id={id} /> : <>{code}</>;
}
