import Button from "@mui/material/Button";
import { type ReactElement, useState } from "react";
import { query } from "../../../api/client";
import { T, useText } from "../../../i18n/i18n";
import { ActionDialog } from "../../../ui/ActionDialog";
import { Card } from "../../../ui/Card";
import { useBatch } from "../../BatchContext";

/** Discards a batch that was not approved. Nothing of it was or will be paid. */
export function DiscardBatch(): ReactElement {
  const { batch, reload } = useBatch();
  const [open, setOpen] = useState(false);
  const text = useText();
  const discard = query.useMutation("post", "/api/v1/batches/{batch_id}/discard", {
    onSuccess: () => {
      setOpen(false);
      void reload();
    },
  });
  return (
    <Card
      title={<T id="discard.title" />}
      actions={
        <Button color="error" variant="outlined" onClick={() => setOpen(true)}>
          <T id="discard.act" />
        </Button>
      }
    >
      <p>
        <T id="discard.means" />
      </p>
      {open && (
        <ActionDialog
          title={text("discard.ask")}
          confirm={text("discard.act")}
          tone="error"
          reason="required"
          busy={discard.isPending}
          error={discard.error}
          onClose={() => setOpen(false)}
          onConfirm={(reason) =>
            discard.mutate({ params: { path: { batch_id: batch.batch_id } }, body: { reason } })
          }
        >
          <p>
            <T id="discard.means" />
          </p>
        </ActionDialog>
      )}
    </Card>
  );
}
