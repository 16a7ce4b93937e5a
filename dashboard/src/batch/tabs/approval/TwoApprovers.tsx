import type { ReactElement } from "react";
import { T } from "../../../i18n/i18n";
import { DateTime } from "../../../ui/format";
import { Notice } from "../../../ui/Notice";
import { RuleList } from "../../../ui/RuleSentence";
import { useBatch } from "../../BatchContext";

/** That two people must approve the batch, by which rules, and who has so far. */
export function TwoApprovers(): ReactElement | null {
  const { batch } = useBatch();
  const { first_approval: first, approvals_because: because } = batch;
  if (batch.approvals_needed !== 2) return null;
  return (
    <Notice tone="info">
      <T id="two.needed" />
      <RuleList rules={because} />
      {first && (
        <T
          id="two.first"
          values={{ person: <b>{first.approved_by}</b>, at: <DateTime at={first.approved_at} /> }}
        />
      )}
    </Notice>
  );
}
