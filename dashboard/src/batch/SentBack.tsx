import type { ReactElement } from "react";
import type { ApprovalRequest } from "../api/client";
import { T } from "../i18n/i18n";
import { DateTime } from "../ui/format";
import { Notice } from "../ui/Notice";

/** Who sent the batch back, when and why. */
export default function SentBack({ request }: { request: ApprovalRequest }): ReactElement {
  return (
    <Notice tone="warning">
      <T
        id="request.sent-back"
        values={{
          person: <b>{request.ended_by}</b>,
          at: <DateTime at={request.ended_at} />,
          reason: <q>{request.end_reason}</q>,
        }}
      />{" "}
      <T id="request.sent-back.means" />
    </Notice>
  );
}
