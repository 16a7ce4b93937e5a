import type { ReactElement } from "react";
import { query } from "../api/client";
import { T } from "../i18n/i18n";
import { Notice } from "../ui/Notice";

/** Says on every page that payments are alive twice at the provider; nothing while none is. */
export function DuplicateNotice(): ReactElement | null {
  const { data } = query.useQuery(
    "get",
    "/api/v1/ops/duplicates",
    {},
    { refetchInterval: 30_000, staleTime: 20_000 },
  );
  const count = data?.items.length ?? 0;
  if (count === 0) return null;
  return (
    <Notice tone="error" icon="stop" live>
      <T id="duplicates.open" values={{ count }} />
    </Notice>
  );
}
