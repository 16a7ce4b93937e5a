import Button from "@mui/material/Button";
import { type ReactElement, useState } from "react";
import { query } from "../../../api/client";
import { hasRole } from "../../../api/session";
import { useSignedIn } from "../../../api/signedIn";
import { T, useText } from "../../../i18n/i18n";
import { ActionDialog } from "../../../ui/ActionDialog";
import { Card } from "../../../ui/Card";
import { useBatch } from "../../BatchContext";
import { CorrectionTable } from "../../CorrectionTable";

/** Corrections that the system offers, or else those that were accepted; nothing without either. */
export function Corrections(): ReactElement | null {
  const { corrections_offered: offered, corrections: made } = useBatch().batch;
  if (offered.length > 0) return <OfferedCorrections />;
  if (made.length === 0) return null;
  return (
    <Card title={<T id="corrections.made" values={{ n: made.length }} />}>
      <p>
        <T id="corrections.made.means" />
      </p>
      <CorrectionTable corrections={made} made />
    </Card>
  );
}

function OfferedCorrections(): ReactElement {
  const { corrections_offered: offered } = useBatch().batch;
  const { me } = useSignedIn();
  const preparer = hasRole(me, "preparer");
  return (
    <Card
      title={<T id="corrections.offered" values={{ n: offered.length }} />}
      actions={preparer && <AcceptCorrections />}
    >
      <p>
        <T id="corrections.offered.means" />
      </p>
      {!preparer && (
        <p>
          <T id="corrections.preparer" />
        </p>
      )}
      <CorrectionTable corrections={offered} made={false} />
    </Card>
  );
}

/** Accepts all offered corrections. The batch is then checked again and gets another digest. */
function AcceptCorrections(): ReactElement {
  const { batch, reload } = useBatch();
  const { corrections_offered: offered, batch_id: batchId } = batch;
  const text = useText();
  const [open, setOpen] = useState(false);
  const accept = query.useMutation("post", "/api/v1/batches/{batch_id}/corrections", {
    onSuccess: () => {
      setOpen(false);
      void reload();
    },
  });
  return (
    <>
      <Button variant="contained" onClick={() => setOpen(true)}>
        <T id="corrections.accept" values={{ n: offered.length }} />
      </Button>
      {open && (
        <ActionDialog
          title={text("corrections.ask", { n: offered.length })}
          confirm={text("corrections.accept", { n: offered.length })}
          reason="none"
          busy={accept.isPending}
          error={accept.error}
          onClose={() => setOpen(false)}
          onConfirm={() =>
            accept.mutate({
              params: { path: { batch_id: batchId } },
              body: { corrections: offered },
            })
          }
        >
          <p>
            <T id="corrections.ask.means" />
          </p>
        </ActionDialog>
      )}
    </>
  );
}
