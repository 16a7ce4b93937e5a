/** Approval by another person, of exactly what is shown here. */
import type { ReactElement } from "react";
import type { Batch } from "../../../api/client";
import { hasRole } from "../../../api/session";
import { useSignedIn } from "../../../api/signedIn";
import { type MessageId, T } from "../../../i18n/i18n";
import { Card } from "../../../ui/Card";
import { type Fact, Facts } from "../../../ui/Facts";
import { Code, DateTime } from "../../../ui/format";
import { Notice } from "../../../ui/Notice";
import { isOwn, mayAsk } from "../../../api/approvalRequest";
import { useBatch } from "../../BatchContext";
import { DecisionList } from "../../DecisionList";
import { SumsLine } from "../../SumsLine";
import Waterfall from "../../Waterfall";
import { ApprovalForm } from "./ApprovalForm";
import { AskApproval } from "./AskApproval";
import { ComparedRosters } from "./ComparedRosters";
import { DiscardBatch } from "./DiscardBatch";
import { TwoApprovers } from "./TwoApprovers";
import { warningOf } from "./unusualChanges";

export default function ApprovalTab(): ReactElement {
  const { batch } = useBatch();
  const { me } = useSignedIn();
  if (batch.approved_by)
    return (
      <>
        <Approved batch={batch} />
        <DecisionList />
      </>
    );
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
      <Waterfall batchId={batch.batch_id} />
      <DecisionList />
      {batch.expires_at && (
        <p>
          <T id="approval.expires" values={{ at: <DateTime at={batch.expires_at} /> }} />
        </p>
      )}
      {mayAsk(batch, me) && <AskApproval />}
      <TwoApprovers />
      <ApproveOrWhyNot batch={batch} />
      {hasRole(me, "preparer", "approver") && <DiscardBatch />}
    </>
  );
}

/** The form for an approver who did not upload this batch; the reason for everybody else. */
function ApproveOrWhyNot({ batch }: { batch: Batch }): ReactElement {
  const { me } = useSignedIn();
  if (batch.uploaded_by === me.id) return <WhyNot message="approval.own" />;
  if (isOwn(batch.uploaded_by, batch.approval_requests, me))
    return <WhyNot message="approval.asked" />;
  if (batch.first_approval?.approved_by === me.id) return <WhyNot message="two.own" />;
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

/** The first of two approvals. */
function firstApproval({ first_approval: first }: Batch): Fact[] {
  if (!first) return [];
  const who = (
    <>
      <DateTime at={first.approved_at} /> · {first.approved_by}
    </>
  );
  return [["fact.first-approved", who]];
}

/** When sending may begin, if that was not at once. */
function start({ start_at: startAt }: Batch): Fact[] {
  return startAt ? [["fact.start", <DateTime key="start" at={startAt} />]] : [];
}

/** A warning that was confirmed, in words. */
function Acknowledged({ batch, code }: { batch: Batch; code: string }): ReactElement {
  return (
    <div>
      {warningOf(batch, code).messages.join(" ")} <Code>{code}</Code>
    </div>
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
          ...firstApproval(batch),
          ...start(batch),
          ["fact.digest", <Code key="digest">{batch.digest ?? "—"}</Code>],
          [
            "fact.acknowledged",
            batch.acknowledged.length > 0 ? (
              batch.acknowledged.map((code) => (
                <Acknowledged key={code} batch={batch} code={code} />
              ))
            ) : (
              <T key="none" id="fact.acknowledged.none" />
            ),
          ],
        ]}
      />
    </Card>
  );
}
