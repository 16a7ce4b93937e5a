import type { ReactElement } from "react";
import { T } from "../i18n/i18n";
import { Notice } from "../ui/Notice";

/** Says what of a batch is unknown while the dispatcher does not answer. */
export function DispatcherAway(): ReactElement {
  return (
    <Notice tone="warning" live>
      <T id="batch.dispatcher-away" />
    </Notice>
  );
}
