import type { ReactElement } from "react";
import { T } from "../i18n/i18n";
import { Notice } from "../ui/Notice";
import type { Grouped } from "./useGroupedRows";

/** Says that not all items could be read, so that the groups count only some of them. */
export function PartlyReadNotice({ grouped }: { grouped: Grouped }): ReactElement | null {
  if (grouped.read >= grouped.total) return null;
  return (
    <Notice tone="warning">
      <T id="checks.part" values={{ n: grouped.read }} />
    </Notice>
  );
}
