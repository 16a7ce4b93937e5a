/** Comparisons with the provider's own list of payments, and every difference that was found. */
import Button from "@mui/material/Button";
import { useQueryClient } from "@tanstack/react-query";
import type { ReactElement } from "react";
import { query } from "../api/client";
import { hasRole } from "../api/session";
import { useSignedIn } from "../api/signedIn";
import { T, useText } from "../i18n/i18n";
import { useAddress } from "../ui/address";
import { Notice } from "../ui/Notice";
import { Page } from "../ui/Page";
import { ProblemPanel } from "../ui/ProblemPanel";
import { Breaks } from "./Breaks";
import { Runs } from "./Runs";

const RUNS_PATH = "/api/v1/reconciliation/runs";

export default function ReconciliationPage(): ReactElement {
  const { me } = useSignedIn();
  const [{ batch_id }] = useAddress();
  const text = useText();
  const queries = useQueryClient();
  const compare = query.useMutation("post", RUNS_PATH, {
    onSuccess: () => void queries.invalidateQueries({ queryKey: ["get", RUNS_PATH] }),
  });
  const started = compare.data as { batches?: string[] } | undefined;
  return (
    <Page
      title={text("nav.reconciliation")}
      lead={<T id="reconciliation.lead" />}
      actions={
        hasRole(me, "approver", "operator") && (
          <Button
            variant="contained"
            disabled={compare.isPending}
            onClick={() => compare.mutate({ body: batch_id ? { batch_id } : {} })}
          >
            <T id="reconciliation.run" />
          </Button>
        )
      }
    >
      {compare.error && <ProblemPanel error={compare.error} />}
      {started && (
        <Notice tone="info" live>
          <T id="reconciliation.started" values={{ n: started.batches?.length ?? 0 }} />
        </Notice>
      )}
      <Breaks />
      <Runs />
    </Page>
  );
}
