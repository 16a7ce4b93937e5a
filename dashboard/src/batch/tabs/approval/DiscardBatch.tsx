import type { ReactElement } from "react";
import { api } from "../../../api/client";
import { T, useText } from "../../../i18n/i18n";
import { ActionButton } from "../../../ui/ActionButton";
import { Card } from "../../../ui/Card";
import { useBatch } from "../../BatchContext";

/** Discards a batch that was not approved. Nothing of it was or will be paid. */
export function DiscardBatch(): ReactElement {
  const { batch, reload } = useBatch();
  const text = useText();
  const params = { path: { batch_id: batch.batch_id } };
  return (
    <Card
      title={<T id="discard.title" />}
      actions={
        <ActionButton
          name={text("discard.act")}
          button={{ color: "error" }}
          title={text("discard.ask")}
          tone="error"
          reason="required"
          send={(reason) =>
            api.POST("/api/v1/batches/{batch_id}/discard", { params, body: { reason } })
          }
          onDone={() => void reload()}
        >
          <p>
            <T id="discard.means" />
          </p>
        </ActionButton>
      }
    >
      <p>
        <T id="discard.means" />
      </p>
    </Card>
  );
}
