import type { ReactElement } from "react";
import { query } from "../api/client";
import { ApiText } from "../i18n/ApiText";
import { T } from "../i18n/i18n";
import { Notice } from "../ui/Notice";

/** Says on every page that the kill switch is on, and who turned it on; nothing while it is off. */
export function KillSwitchNotice(): ReactElement | null {
  const { data } = query.useQuery(
    "get",
    "/api/v1/ops/kill-switch",
    {},
    { refetchInterval: 15_000, staleTime: 10_000 },
  );
  if (!data?.on) return null;
  return (
    <Notice tone="error" icon="stop" live>
      <T id="kill.on" values={{ who: data.by_whom, why: <ApiText text={data.reason} /> }} />
    </Notice>
  );
}
