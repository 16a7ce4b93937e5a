import type { ReactElement } from "react";
import { api } from "../../../api/client";
import { hasRole } from "../../../api/session";
import { useSignedIn } from "../../../api/signedIn";
import { T, useText } from "../../../i18n/i18n";
import { ActionButton } from "../../../ui/ActionButton";
import { Card } from "../../../ui/Card";
import { openRequest } from "../../../api/approvalRequest";
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
  const { batch } = useBatch();
  const { corrections_offered: offered } = batch;
  const { me } = useSignedIn();
  const preparer = hasRole(me, "preparer");
  return (
    <Card
      title={<T id="corrections.offered" values={{ n: offered.length }} />}
      actions={preparer && !openRequest(batch) && <AcceptCorrections />}
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
  const { corrections_offered: offered, batch_id } = batch;
  const text = useText();
  return (
    <ActionButton
      name={text("corrections.accept", { n: offered.length })}
      button={{ variant: "contained" }}
      title={text("corrections.ask", { n: offered.length })}
      reason="none"
      send={() =>
        api.POST("/api/v1/batches/{batch_id}/corrections", {
          params: { path: { batch_id } },
          body: { corrections: offered },
        })
      }
      onDone={() => void reload()}
    >
      <p>
        <T id="corrections.ask.means" />
      </p>
    </ActionButton>
  );
}
