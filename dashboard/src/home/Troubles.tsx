/** What is wrong with the system, in words of people who pay others: nothing while all is well. */
import type { ReactElement } from "react";
import { query } from "../api/client";
import { BATCH_FIGURES, useFreshness } from "../api/freshness";
import { T } from "../i18n/i18n";
import { Link } from "../ui/links";
import { Notice } from "../ui/Notice";

const REFRESH = { refetchInterval: 30_000 };

export function Troubles(): ReactElement | null {
  const troubles = useTroubles();
  if (troubles.length === 0) return null;
  return (
    <Notice tone="error" live>
      <b>
        <T id="trouble.title" />
      </b>
      <ul style={{ margin: "4px 0 0", paddingLeft: 20 }}>{troubles}</ul>
    </Notice>
  );
}

/** One line each. The kill switch and payments that are alive twice stand above every page. */
function useTroubles(): ReactElement[] {
  const restored = query.useQuery("get", "/api/v1/ops/restored", {}, REFRESH).data;
  const limiter = query.useQuery("get", "/api/v1/ops/limiter", {}, REFRESH).data;
  const breaks = query.useQuery(
    "get",
    "/api/v1/reconciliation/breaks",
    { params: { query: { status: "open", limit: 1 } } },
    REFRESH,
  ).data;
  const behind = useFreshness(BATCH_FIGURES)?.behind.length ?? 0;
  const troubles: ReactElement[] = [];
  if (restored?.services.some((one) => one.held))
    troubles.push(
      <li key="restored">
        <T id="trouble.restored" />
      </li>,
    );
  if (behind > 0)
    troubles.push(
      <li key="behind">
        <T id="trouble.behind" />
      </li>,
    );
  if (limiter?.tiers.some((tier) => tier.closed_s > 0))
    troubles.push(
      <li key="blocked">
        <T id="trouble.blocked" />
      </li>,
    );
  if (breaks && breaks.total > 0)
    troubles.push(
      <li key="breaks">
        <T id="trouble.breaks" values={{ n: breaks.total }} />{" "}
        <Link to="/reconciliation">
          <T id="nav.reconciliation" />
        </Link>
      </li>,
    );
  return troubles;
}
