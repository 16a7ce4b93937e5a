import type { ReactElement } from "react";
import { query, type ServiceHealth } from "../api/client";
import { T } from "../i18n/i18n";
import { Link } from "../ui/links";
import { Notice } from "../ui/Notice";

/** For operators: whether every service is ready, and how many dead letters wait. */
export function SystemHealth(): ReactElement | null {
  const health = query.useQuery("get", "/api/v1/ops/health", {}, { refetchInterval: 10_000 });
  const letters = query.useQuery(
    "get",
    "/api/v1/ops/dead-letters",
    {},
    { refetchInterval: 10_000 },
  );
  if (health.error)
    return (
      <Notice tone="warning" live unavailable>
        <T id="health.unknown" /> <OperationsLink />
      </Notice>
    );
  if (!health.data) return null;
  const { services } = health.data;
  const waiting = letters.data?.items.filter((letter) => !letter.redriven_at).length;
  const allWell = services.every((service) => service.ready) && !waiting;
  return (
    <Notice tone={allWell ? "success" : "warning"}>
      <Services services={services} />
      {waiting !== undefined && (
        <>
          {" "}
          <T id="health.dead-letters" values={{ n: waiting }} />
        </>
      )}{" "}
      <OperationsLink />
    </Notice>
  );
}

function Services({ services }: { services: readonly ServiceHealth[] }): ReactElement {
  const notReady = services.filter((service) => !service.ready).map((service) => service.name);
  return notReady.length > 0 ? (
    <T id="health.not-ready" values={{ names: notReady.join(", ") }} />
  ) : (
    <T id="health.ready" values={{ n: services.length }} />
  );
}

function OperationsLink(): ReactElement {
  return (
    <Link to="/operations">
      <T id="nav.operations" />
    </Link>
  );
}
