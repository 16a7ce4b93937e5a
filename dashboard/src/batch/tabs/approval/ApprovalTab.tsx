/** Approval by another person, of exactly what is shown here. */
import type { ReactElement } from "react";
import type { Batch } from "../../../api/client";
import { hasRole } from "../../../api/session";
import { useSignedIn } from "../../../api/signedIn";
import { type MessageId, T } from "../../../i18n/i18n";
import { Card } from "../../../ui/Card";
import { Facts } from "../../../ui/Facts";
import { Code, DateTime } from "../../../ui/format";
import { Notice } from "../../../ui/Notice";
import { useBatch } from "../../BatchContext";
import { SumsLine } from "../../SumsLine";
import { ApprovalForm } from "./ApprovalForm";
import { ComparedRosters } from "./ComparedRosters";
import { DiscardBatch } from "./DiscardBatch";

export default function ApprovalTab(): ReactElement {
  const { batch } = useBatch();
  const { me } = useSignedIn();
  if (batch.approved_by) return <Approved batch={batch} />;
  if (batch.status !== "ready")
    return (
      <Notice tone="info">
        <T id={batch.status === "checking" ? "approval.checking" : "approval.not-ready"} />
      </Notice>
    );
  return (
    <>
      <SumsLine batch={batch} />
      <ComparedRosters />
      <ApproveOrWhyNot batch={batch} />
      {hasRole(me, "preparer", "approver") && <DiscardBatch />}
    </>
  );
}

/** The form for an approver who did not upload this batch; the reason for everybody else. */
function ApproveOrWhyNot({ batch }: { batch: Batch }): ReactElement {
  const { me } = useSignedIn();
  if (batch.uploaded_by === me.id) return <WhyNot message="approval.own" />;
  if (!hasRole(me, "approver")) return <WhyNot message="approval.others" />;
  if (batch.rows.payable + batch.rows.excluded === 0)
    return <WhyNot message="approval.nothing-payable" warning />;
  return <ApprovalForm />;
}

function WhyNot({ message, warning }: { message: MessageId; warning?: boolean }): ReactElement {
  return (
    <Notice tone={warning ? "warning" : "info"}>
      <T id={message} />
    </Notice>
  );
}

/** Who approved the batch, when, and what exactly. */
function Approved({ batch }: { batch: Batch }): ReactElement {
  return (
    <Card title={<T id="approval.was" />}>
      <Facts
        items={[
          [
            "fact.approved",
            <>
              <DateTime at={batch.approved_at} /> · {batch.approved_by}
            </>,
          ],
          [
            "fact.uploaded",
            <>
              <DateTime at={batch.uploaded_at} /> · {batch.uploaded_by}
            </>,
          ],
          ["fact.digest", <Code key="digest">{batch.digest ?? "—"}</Code>],
          [
            "fact.acknowledged",
            batch.acknowledged.join(", ") || <T key="none" id="fact.acknowledged.none" />,
          ],
        ]}
      />
    </Card>
  );
}
