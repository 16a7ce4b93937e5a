/** Approval by another person: exactly what is shown here, with every warning ticked and count and money confirmed. */
import type { ReactElement } from "react";
import { may } from "../api/session";
import { T } from "../i18n/i18n";
import { Code, When } from "../ui/figures";
import { useMe } from "../ui/me";
import { Card, Facts, Notice } from "../ui/page";
import { ApprovalForm } from "./ApprovalForm";
import { Discard } from "./Discard";
import { SumsLine } from "./SumsLine";
import { useBatch } from "./useBatch";

export default function ApprovalTab(): ReactElement {
  const { batch } = useBatch();
  const { me } = useMe();
  if (batch.approved_by) {
    return (
      <Card title={<T id="approval.was" />}>
        <Facts
          of={[
            [
              "fact.approved",
              <>
                <When key="w" at={batch.approved_at} /> · {batch.approved_by}
              </>,
            ],
            [
              "fact.uploaded",
              <>
                <When key="w" at={batch.uploaded_at} /> · {batch.uploaded_by}
              </>,
            ],
            ["fact.digest", <Code key="d">{batch.digest ?? "—"}</Code>],
            [
              "fact.acknowledged",
              batch.acknowledged && batch.acknowledged.length > 0 ? (
                batch.acknowledged.join(", ")
              ) : (
                <T key="n" id="fact.acknowledged.none" />
              ),
            ],
          ]}
        />
      </Card>
    );
  }
  if (batch.status !== "ready")
    return (
      <Notice tone="info">
        <T id={batch.status === "checking" ? "approval.checking" : "approval.not-ready"} />
      </Notice>
    );
  const own = batch.uploaded_by === me.id;
  return (
    <>
      <SumsLine batch={batch} />
      {may(me, "approver") && !own && batch.rows.payable + batch.rows.excluded > 0 && (
        <ApprovalForm />
      )}
      {may(me, "approver") && !own && batch.rows.payable + batch.rows.excluded === 0 && (
        <Notice tone="warning">
          <T id="approval.nothing-payable" />
        </Notice>
      )}
      {own && (
        <Notice tone="info">
          <T id="approval.own" />
        </Notice>
      )}
      {!own && !may(me, "approver") && (
        <Notice tone="info">
          <T id="approval.others" />
        </Notice>
      )}
      {may(me, "preparer", "approver") && <Discard />}
    </>
  );
}
