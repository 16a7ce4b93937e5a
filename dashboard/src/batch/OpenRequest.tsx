import Button from "@mui/material/Button";
import type { ReactElement } from "react";
import { api, type ApprovalRequest, type Batch, query } from "../api/client";
import { hasRole } from "../api/session";
import { useSignedIn } from "../api/signedIn";
import { T, useText } from "../i18n/i18n";
import { ActionButton } from "../ui/ActionButton";
import { DateTime } from "../ui/format";
import { ButtonRow } from "../ui/layout";
import { Notice } from "../ui/Notice";
import { ProblemPanel } from "../ui/ProblemPanel";

type OpenRequestProps = { batch: Batch; request: ApprovalRequest; onAnswered: () => void };

/** Who asks for the approval and why; the batch is locked until one of these buttons is pressed. */
export default function OpenRequest(props: OpenRequestProps): ReactElement {
  const { request } = props;
  const { me } = useSignedIn();
  return (
    <Notice tone="info">
      <T
        id="request.open"
        values={{ person: <b>{request.asked_by}</b>, at: <DateTime at={request.asked_at} /> }}
      />{" "}
      {request.note && <q>{request.note}</q>} <T id="request.open.means" />
      {!request.is_of_this_digest && (
        <p>
          <T id="request.changed" />
        </p>
      )}
      <ButtonRow>
        {hasRole(me, "approver") && request.asked_by !== me.id && <SendBack {...props} />}
        {hasRole(me, "preparer") && <Withdraw {...props} />}
      </ButtonRow>
    </Notice>
  );
}

function SendBack({ batch, request, onAnswered }: OpenRequestProps): ReactElement {
  const text = useText();
  const path = { batch_id: batch.batch_id, request_id: request.request_id };
  return (
    <ActionButton
      name={text("request.send-back")}
      title={text("request.send-back.ask")}
      tone="warning"
      reason="required"
      send={(reason) =>
        api.POST("/api/v1/batches/{batch_id}/approval-requests/{request_id}/send-back", {
          params: { path },
          body: { reason },
        })
      }
      onDone={onAnswered}
    >
      <p>
        <T id="request.send-back.means" values={{ person: request.asked_by }} />
      </p>
    </ActionButton>
  );
}

function Withdraw({ batch, request, onAnswered }: OpenRequestProps): ReactElement {
  const withdraw = query.useMutation(
    "delete",
    "/api/v1/batches/{batch_id}/approval-requests/{request_id}",
    { onSettled: onAnswered }, // also after a refusal: it may have been answered meanwhile
  );
  const path = { batch_id: batch.batch_id, request_id: request.request_id };
  return (
    <>
      <Button
        variant="outlined"
        disabled={withdraw.isPending}
        onClick={() => withdraw.mutate({ params: { path } })}
      >
        <T id="request.withdraw" />
      </Button>
      {withdraw.error && <ProblemPanel error={withdraw.error} unsafe />}
    </>
  );
}
