import type { ReactElement } from "react";
import { T } from "../i18n/i18n";
import { DateTime } from "./format";
import { Notice } from "./Notice";

/** Says that the data shown could not be read again, and from when it is. */
export function OutdatedNotice({ updatedAt }: { updatedAt: number }): ReactElement {
  return (
    <Notice tone="warning" live>
      <T id="outdated" values={{ at: <DateTime at={new Date(updatedAt).toISOString()} /> }} />
    </Notice>
  );
}
