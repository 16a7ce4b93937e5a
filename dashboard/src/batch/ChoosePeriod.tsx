import Button from "@mui/material/Button";
import type { ReactElement } from "react";
import { type Batch, query } from "../api/client";
import { T } from "../i18n/i18n";
import { PlainDate } from "../ui/format";
import { ButtonRow } from "../ui/layout";
import { Notice } from "../ui/Notice";
import { ProblemPanel } from "../ui/ProblemPanel";

type ChoosePeriodProps = { batch: Batch; onChosen: () => void };

/** A button for each pay period that is possible. The batch is then checked again. */
export default function ChoosePeriod({ batch, onChosen }: ChoosePeriodProps): ReactElement {
  const choose = query.useMutation("post", "/api/v1/batches/{batch_id}/period", {
    onSettled: onChosen, // also after a refusal: the batch may have been approved meanwhile
  });
  return (
    <Notice tone="warning">
      <p style={{ marginTop: 0 }}>
        <T id="period.choose" />
      </p>
      <ButtonRow>
        {batch.period_choices.map((period) => (
          <Button
            key={period}
            variant="outlined"
            disabled={choose.isPending || choose.isSuccess}
            onClick={() =>
              choose.mutate({ params: { path: { batch_id: batch.batch_id } }, body: { period } })
            }
          >
            <T id="period.choose.act" values={{ day: <PlainDate date={period} /> }} />
          </Button>
        ))}
      </ButtonRow>
      {choose.error && <ProblemPanel error={choose.error} unsafe />}
    </Notice>
  );
}
