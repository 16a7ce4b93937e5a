import type { ReactElement } from "react";
import { api } from "../../../api/client";
import { T, useText } from "../../../i18n/i18n";
import { ActionButton } from "../../../ui/ActionButton";
import { Card } from "../../../ui/Card";
import { Count, Money } from "../../../ui/format";
import { useBatch } from "../../BatchContext";

/** Asks an approver to look at the batch, with a note. The batch is locked meanwhile. */
export function AskApproval(): ReactElement {
  const { batch, reload } = useBatch();
  const text = useText();
  const ask = (note: string) =>
    api.POST("/api/v1/batches/{batch_id}/approval-requests", {
      params: { path: { batch_id: batch.batch_id } },
      body: { digest: batch.digest ?? "", note },
    });
  return (
    <Card
      title={<T id="request.title" />}
      actions={
        <ActionButton
          name={text("request.ask")}
          button={{ variant: "contained" }}
          title={text("request.ask.title")}
          reason="optional"
          label="request.note"
          send={ask}
          onSettled={() => void reload()}
        >
          <p>
            <T
              id="request.ask.what"
              values={{
                rows: <Count value={batch.rows.payable} />,
                money: <Money cents={batch.amount_cents.payable} />,
              }}
            />
          </p>
        </ActionButton>
      }
    >
      <p>
        <T id="request.means" />
      </p>
    </Card>
  );
}
