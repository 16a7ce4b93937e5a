import Box from "@mui/material/Box";
import LinearProgress from "@mui/material/LinearProgress";
import type { ReactElement } from "react";
import { useBatchQuery } from "../api/batchQuery";
import type { Batch, BatchLine } from "../api/client";
import { isScheduled } from "../api/statuses";
import { T, useText } from "../i18n/i18n";
import { Card } from "../ui/Card";
import { Count, DateTime, Duration, Money } from "../ui/format";
import { Link } from "../ui/links";
import { StatusChip } from "../ui/StatusChip";

/** A batch that is being paid: how far it is as a bar and in words, and when it is done. */
export function RunCard({ batch }: { batch: BatchLine }): ReactElement | null {
  const { data } = useBatchQuery(batch.batch_id);
  if (!data) return null;
  return (
    <Card
      title={
        <Link to="/batches/$batchId/live" params={{ batchId: batch.batch_id }}>
          <T id="home.run" values={{ file: batch.filename }} />
        </Link>
      }
      actions={<StatusChip kind="batch" status={data.status} />}
    >
      <RunBar batch={data} />
    </Card>
  );
}

function RunBar({ batch }: { batch: Batch }): ReactElement {
  const text = useText();
  const { done, percent } = progressOf(batch.payments);
  return (
    <Box>
      <LinearProgress
        variant="determinate"
        value={percent}
        aria-label={text("home.run", { file: batch.filename })}
        sx={{ height: 12, borderRadius: 6 }}
      />
      <p>
        <T
          id="home.run.done"
          values={{
            done: <Count value={done} />,
            total: <Count value={batch.payments.total} />,
            percent,
            paid: <Money cents={batch.payment_amount_cents.completed} />,
            all: <Money cents={batch.payment_amount_cents.total} />,
          }}
        />{" "}
        {isScheduled(batch) ? (
          <T id="home.run.starts" values={{ at: <DateTime at={batch.start_at} /> }} />
        ) : (
          <Eta seconds={batch.eta_s} />
        )}
      </p>
      {batch.payments.failed + batch.payments.held > 0 && (
        <p>
          <Link to="/batches/$batchId/failures" params={{ batchId: batch.batch_id }}>
            <T
              id="home.run.troubles"
              values={{ failed: batch.payments.failed, held: batch.payments.held }}
            />
          </Link>
        </p>
      )}
    </Box>
  );
}

/** How long sending goes on. What is sent still waits for the provider. */
export function Eta({ seconds }: { seconds: number | null }): ReactElement {
  if (seconds === null) return <T id="home.run.no-eta" />;
  if (seconds < 1) return <T id="home.run.sent" />;
  return <T id="home.run.eta" values={{ time: <Duration seconds={seconds} /> }} />;
}

/** How many payments have ended, and that in whole per cent, rounded down. */
export function progressOf(payments: Batch["payments"]): { done: number; percent: number } {
  const { completed, failed, cancelled, reversed, total } = payments;
  const done = completed + failed + cancelled + reversed;
  return { done, percent: total > 0 ? Math.floor((done * 100) / total) : 0 };
}
