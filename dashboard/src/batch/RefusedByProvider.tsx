/** What the provider refused of a batch since its check, and how people ask it again. */
import Box from "@mui/material/Box";
import { lazy, type ReactElement, Suspense } from "react";
import type { Batch } from "../api/client";
import { hasRole } from "../api/session";
import { useSignedIn } from "../api/signedIn";
import { RUNNING } from "../api/statuses";
import { T } from "../i18n/i18n";
import { Notice } from "../ui/Notice";

// Its button is heavy and rarely shown.
const AskProviderAgain = lazy(() => import("./AskProviderAgain"));

type Props = { batch: Batch; onRetried: () => void };

export function RefusedByProvider({ batch, onRetried }: Props): ReactElement {
  const { me } = useSignedIn();
  const { rows, under_way: underWay } = batch.refused_by_provider;
  return (
    <>
      {rows > 0 && (
        <Notice tone="warning">
          <T id="batch.refused" values={{ n: rows }} />{" "}
          {underWay > 0 && <T id="batch.refused.under-way" values={{ n: underWay }} />}
        </Notice>
      )}
      {mayAskAgain(batch) && hasRole(me, "preparer", "approver") && (
        <Box sx={{ mb: 2 }}>
          <Suspense>
            <AskProviderAgain batchId={batch.batch_id} onRetried={onRetried} />
          </Suspense>
        </Box>
      )}
    </>
  );
}

/**
 * Whether something of a batch was refused since its check that another try could mend. Before the
 * approval the rows that are not payable have the same button, on the Checks tab.
 */
export function mayAskAgain(batch: Batch): boolean {
  const { status, refused_by_provider: refused, stopped_sources: stopped } = batch;
  if (status === "ready") return refused.rows > 0;
  return RUNNING.has(status) && (refused.rows > 0 || stopped.length > 0);
}
