import { useQueryClient } from "@tanstack/react-query";
import type { ReactElement } from "react";
import { api, query, type RestoredDatabase } from "../api/client";
import { hasRole } from "../api/session";
import { useSignedIn } from "../api/signedIn";
import { ApiText } from "../i18n/ApiText";
import { T, useText } from "../i18n/i18n";
import { ActionButton } from "../ui/ActionButton";
import { Card } from "../ui/Card";
import { DateTime } from "../ui/format";
import { type Column, ListTable } from "../ui/ListTable";
import { Notice } from "../ui/Notice";
import { ProblemPanel } from "../ui/ProblemPanel";

const PATH = "/api/v1/ops/restored";

/**
 * Services that are quarantined because their database was restored from a backup, how far their
 * recovery is, and the release by two people. Nothing is shown while none is quarantined.
 */
export function RestoredDatabases(): ReactElement | null {
  const text = useText();
  const found = query.useQuery("get", PATH, {}, { refetchInterval: 5_000 });
  if (found.error)
    return (
      <Card title={<T id="restored.title" />}>
        <ProblemPanel error={found.error} retry={() => void found.refetch()} />
      </Card>
    );
  const quarantined = found.data?.services.filter((service) => service.held) ?? [];
  if (quarantined.length === 0) return null;
  return (
    <Card title={<T id="restored.title" />} actions={<ReleaseButton quarantined={quarantined} />}>
      <Notice tone="error" icon="stop" live>
        <T id="restored.means" />
      </Notice>
      <ListTable
        label={text("restored.title")}
        rows={quarantined}
        rowId={(service) => service.name}
        columns={COLUMNS}
      />
    </Card>
  );
}

const COLUMNS: readonly Column<RestoredDatabase>[] = [
  { header: "operations.service", cell: (service) => service.name },
  {
    header: "restored.why",
    wide: true,
    cell: ({ why, noticed_at: at }) => (
      <>
        <ApiText text={why} />
        {at && (
          <>
            {" "}
            (<DateTime at={at} />)
          </>
        )}
      </>
    ),
  },
  {
    header: "restored.progress",
    wide: true,
    cell: (service) => (service.progress ? <ApiText text={service.progress} /> : "—"),
  },
  { header: "restored.proposed", cell: (service) => service.proposed_by ?? "—" },
];

type ReleaseButtonProps = { quarantined: readonly RestoredDatabase[] };

/** Proposes the release, or confirms it; once the recovery of a service has come to its end. */
function ReleaseButton({ quarantined }: ReleaseButtonProps): ReactElement | null {
  const { me } = useSignedIn();
  const text = useText();
  const queries = useQueryClient();
  const proposedBy = quarantined.find((service) => service.proposed_by)?.proposed_by;
  const recovered = quarantined.some((service) => service.settled);
  if (!recovered || !hasRole(me, "operator", "approver")) return null;
  return (
    <ActionButton
      name={text(proposedBy ? "restored.confirm" : "restored.propose")}
      button={{ variant: "contained", disabled: proposedBy === me.id }}
      title={text("restored.ask")}
      reason="required"
      dialog="release"
      send={(reason) => api.POST(`${PATH}/release`, { body: { reason } })}
      onDone={() => void queries.invalidateQueries({ queryKey: ["get", PATH] })}
    >
      <p>
        <T id="restored.ask.means" />
      </p>
    </ActionButton>
  );
}
