import type { ReactElement } from "react";
import { query, type ServiceHealth } from "../api/client";
import { ApiText } from "../i18n/ApiText";
import { isMessageId, type MessageId, T, useText } from "../i18n/i18n";
import { Card } from "../ui/Card";
import { Count, DateTime, Duration } from "../ui/format";
import { Icon, type IconName } from "../ui/icons";
import { type Column, ListTable } from "../ui/ListTable";
import { QueryView } from "../ui/QueryView";

/** Every service: whether it is ready, which checks fail, and the figures it reports. */
export function Services(): ReactElement {
  const text = useText();
  const health = query.useQuery("get", "/api/v1/ops/health", {}, { refetchInterval: 5_000 });
  return (
    <Card title={<T id="operations.services" />}>
      <QueryView query={health}>
        {({ services }) => (
          <ListTable
            label={text("operations.services")}
            rows={services}
            rowId={(service) => service.name}
            columns={COLUMNS}
          />
        )}
      </QueryView>
    </Card>
  );
}

const COLUMNS: readonly Column<ServiceHealth>[] = [
  { header: "operations.service", cell: (service) => service.name },
  {
    header: "column.status",
    cell: (service) => (
      <>
        <Icon name={iconOf(service)} /> <T id={stateOf(service)} />
        {service.age_s > 0 && (
          <div>
            <T id="service.slow" values={{ age: <Duration seconds={service.age_s} /> }} />
          </div>
        )}
      </>
    ),
  },
  { header: "operations.checks", wide: true, cell: (service) => <Checks service={service} /> },
  {
    header: "operations.figures",
    wide: true,
    cell: (service) => <Figures figures={service.figures} />,
  },
];

function iconOf({ ready, away }: ServiceHealth): IconName {
  if (ready) return "check-circle";
  return away ? "octagon" : "triangle";
}

function stateOf({ ready, away, held }: ServiceHealth): MessageId {
  if (held) return "service.quarantined";
  if (ready) return "service.ready";
  return away ? "service.away" : "service.not-ready";
}

/** The names of the checks that fail, or that all passed; then what is wrong around the service. */
function Checks({ service }: { service: ServiceHealth }): ReactElement {
  return (
    <>
      <OwnChecks service={service} />
      {Object.entries(service.world).map(([name, sentence]) => (
        <div key={name}>
          <Icon name="triangle" /> <ApiText text={sentence} />
        </div>
      ))}
    </>
  );
}

function OwnChecks({ service }: { service: ServiceHealth }): ReactElement {
  const checks = Object.entries(service.checks);
  const failing = checks.filter(([, passed]) => !passed).map(([name]) => name);
  if (failing.length > 0) return <>{failing.join(", ")}</>;
  if (service.away) return <>—</>;
  return <T id="operations.checks.ok" values={{ n: checks.length }} />;
}

/** The figures that the service reports. A figure without a message is shown under its own name. */
function Figures({ figures }: { figures: Record<string, number> }): ReactElement {
  const entries = Object.entries(figures);
  if (entries.length === 0) return <>—</>;
  return (
    <>
      {entries.map(([name, value]) => {
        const id = `figure.${name}`;
        return (
          <div key={name}>
            {isMessageId(id) ? <T id={id} /> : name.replaceAll("_", " ")}:{" "}
            <Figure name={name} value={value} />
          </div>
        );
      })}
    </>
  );
}

/** The end of a figure's name says what it is: a moment, a duration or a number. */
function Figure({ name, value }: { name: string; value: number }): ReactElement {
  if (name.endsWith("_at_seconds")) return <DateTime at={new Date(value * 1_000).toISOString()} />;
  return name.endsWith("_seconds") ? <Duration seconds={value} /> : <Count value={value} />;
}
