import Button from "@mui/material/Button";
import { useQueryClient } from "@tanstack/react-query";
import { type ReactElement, useState } from "react";
import { query, type RestoredDatabase } from "../api/client";
import { hasRole } from "../api/session";
import { useSignedIn } from "../api/signedIn";
import { T, useText } from "../i18n/i18n";
import { ActionDialog } from "../ui/ActionDialog";
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
        {why}
        {at && (
          <>
            {" "}
            (<DateTime at={at} />)
          </>
        )}
      </>
    ),
  },
  { header: "restored.progress", wide: true, cell: (service) => service.progress || "—" },
  { header: "restored.proposed", cell: (service) => service.proposed_by ?? "—" },
];

type ReleaseButtonProps = { quarantined: readonly RestoredDatabase[] };

/** Proposes the release, or confirms it; once the recovery of a service has come to its end. */
function ReleaseButton({ quarantined }: ReleaseButtonProps): ReactElement | null {
  const { me } = useSignedIn();
  const text = useText();
  const [open, setOpen] = useState(false);
  const release = useRelease(() => setOpen(false));
  const proposedBy = quarantined.find((service) => service.proposed_by)?.proposed_by;
  const label = text(proposedBy ? "restored.confirm" : "restored.propose");
  const recovered = quarantined.some((service) => service.settled);
  if (!recovered || !hasRole(me, "operator", "approver")) return null;
  return (
    <>
      <Button
        variant="contained"
        disabled={proposedBy === me.id}
        onClick={() => {
          release.reset();
          setOpen(true);
        }}
      >
        {label}
      </Button>
      {open && (
        <ActionDialog
          title={text("restored.ask")}
          confirm={label}
          tone="primary"
          reason="required"
          busy={release.isPending}
          error={release.error}
          onClose={() => setOpen(false)}
          onConfirm={(reason) => release.mutate({ body: { reason } })}
        >
          <p>
            <T id="restored.ask.means" />
          </p>
        </ActionDialog>
      )}
    </>
  );
}

function useRelease(onReleased: () => void) {
  const queries = useQueryClient();
  return query.useMutation("post", `${PATH}/release`, {
    onSuccess: () => {
      onReleased();
      void queries.invalidateQueries({ queryKey: ["get", PATH] });
    },
  });
}
