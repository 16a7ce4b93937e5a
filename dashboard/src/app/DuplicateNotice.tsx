import type { ReactElement } from "react";
import { query } from "../api/client";
import { T } from "../i18n/i18n";
import { Link } from "../ui/links";
import { Notice } from "../ui/Notice";

/** Says on every page that payments are alive twice at the provider; nothing while none is. */
export function DuplicateNotice(): ReactElement | null {
  const { data } = query.useQuery(
    "get",
    "/api/v1/ops/duplicates",
    {},
    { refetchInterval: 30_000, staleTime: 20_000 },
  );
  const oldest = data?.items[0];
  if (!data || !oldest) return null;
  return (
    <Notice tone="error" icon="stop" live>
      <T id="duplicates.open" values={{ count: data.items.length }} />{" "}
      <Link to="/payments/$paymentId" params={{ paymentId: oldest.payment_id }}>
        <T id="duplicates.oldest" />
      </Link>
    </Notice>
  );
}
