/** For those who keep it running: services, dead letters, the provider's limit, the kill switch. */
import type { ReactElement } from "react";
import { query } from "../api/client";
import { may } from "../api/session";
import { isId, T, useText } from "../i18n/i18n";
import { Count, Duration } from "../ui/figures";
import { Icon } from "../ui/icons";
import { useMe } from "../ui/me";
import { Card, Empty, Loading, Notice, Page } from "../ui/page";
import { ProblemPanel } from "../ui/ProblemPanel";
import { ListTable } from "../ui/table";
import { DeadLetters } from "./DeadLetters";
import { KillSwitch } from "./KillSwitch";
import { Restored } from "./Restored";

export default function OperationsPage(): ReactElement {
  const { me } = useMe();
  const text = useText();
  const operations = may(me, "operator", "admin", "auditor");
  return (
    <Page title={text("nav.operations")} lead={<T id="operations.lead" />}>
      <Restored />
      {operations ? (
        <Services />
      ) : (
        <Notice tone="neutral">
          <T id="operations.forbidden" />
        </Notice>
      )}
      <KillSwitch />
      <Limiter />
      {operations && <DeadLetters />}
    </Page>
  );
}

/** Lag and outbox are figures the services give of themselves; one they do not give is not shown. */
function Services(): ReactElement {
  const text = useText();
  const found = query.useQuery("get", "/api/v1/ops/health", {}, { refetchInterval: 5_000 });
  return (
    <Card title={<T id="operations.services" />}>
      {found.error && <ProblemPanel error={found.error} retry={() => void found.refetch()} />}
      {found.isPending && <Loading />}
      {found.data && (
        <ListTable
          label={text("operations.services")}
          rows={found.data.services}
          id={(service) => service.name}
          columns={[
            { key: "name", head: <T id="operations.service" />, cell: (service) => service.name },
            {
              key: "state",
              head: <T id="column.status" />,
              cell: (service) => (
                <>
                  <Icon
                    name={service.ready ? "check-circle" : service.away ? "octagon" : "triangle"}
                  />{" "}
                  <T
                    id={
                      service.held
                        ? "service.held"
                        : service.ready
                          ? "service.ready"
                          : service.away
                            ? "service.away"
                            : "service.not-ready"
                    }
                  />
                </>
              ),
            },
            {
              key: "checks",
              head: <T id="operations.checks" />,
              wide: true,
              cell: (service) => {
                const failing = Object.entries(service.checks)
                  .filter(([, ok]) => !ok)
                  .map(([name]) => name);
                return failing.length > 0 ? (
                  failing.join(", ")
                ) : service.away ? (
                  "—"
                ) : (
                  <T id="operations.checks.ok" values={{ n: Object.keys(service.checks).length }} />
                );
              },
            },
            {
              key: "figures",
              head: <T id="operations.figures" />,
              wide: true,
              cell: (service) => <Figures of={service.figures} />,
            },
          ]}
        />
      )}
    </Card>
  );
}

function Figures({ of }: { of: Record<string, number> }): ReactElement {
  const entries = Object.entries(of);
  if (entries.length === 0) return <>—</>;
  return (
    <>
      {entries.map(([name, value]) => {
        const id = `figure.${name}`;
        return (
          <div key={name}>
            {isId(id) ? <T id={id} /> : name.replaceAll("_", " ")}:{" "}
            {name.endsWith("_seconds") ? <Duration seconds={value} /> : <Count of={value} />}
          </div>
        );
      })}
    </>
  );
}

function Limiter(): ReactElement {
  const text = useText();
  const found = query.useQuery("get", "/api/v1/ops/limiter", {}, { refetchInterval: 5_000 });
  const tiers = found.data?.tiers ?? [];
  return (
    <Card title={<T id="limiter.title" />}>
      <p>
        <T id="limiter.means" />
      </p>
      {found.error && <ProblemPanel error={found.error} retry={() => void found.refetch()} />}
      {found.data && tiers.length === 0 && (
        <Empty>
          <T id="limiter.none" />
        </Empty>
      )}
      {tiers.length > 0 && (
        <ListTable
          label={text("limiter.title")}
          rows={tiers}
          id={(tier) => tier.tier}
          columns={[
            {
              key: "tier",
              head: <T id="limiter.tier" />,
              cell: (tier) => {
                const id = `tier.${tier.tier}`;
                return isId(id) ? <T id={id} /> : tier.tier;
              },
            },
            {
              key: "rate",
              head: <T id="limiter.rate" />,
              right: true,
              cell: (tier) => <Count of={tier.per_min} />,
            },
            {
              key: "busy",
              head: <T id="limiter.busy" />,
              right: true,
              cell: (tier) =>
                tier.busy_s > 0.05 ? (
                  <Duration seconds={Math.ceil(tier.busy_s)} />
                ) : (
                  <T id="limiter.free" />
                ),
            },
            {
              key: "closed",
              head: <T id="limiter.closed" />,
              right: true,
              cell: (tier) =>
                tier.closed_s > 0 ? <Duration seconds={tier.closed_s} /> : <T id="limiter.open" />,
            },
          ]}
        />
      )}
    </Card>
  );
}
