import type { ReactElement } from "react";

const IDS = /([A-Z]+-)?([0-9a-f]{8})(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

/** A text of words and ids, with its ids shortened. */
export function WithShortIds({ text }: { text: string }): ReactElement {
  return <span title={text}>{text.replace(IDS, "$1$2")}</span>;
}
