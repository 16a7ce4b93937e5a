import type { ReactElement } from "react";
import { T, useText } from "../../../i18n/i18n";
import { ActionDialog } from "../../../ui/ActionDialog";
import { Code, Count, DateTime, Money } from "../../../ui/format";
import type { Approval } from "./useApproval";

const DIGEST_SHOWN = 23; // "sha256:" and 16 digits

type ConfirmApprovalProps = { approval: Approval; onClose: () => void };

/** Asks once more, with what will be paid, what will not, and the digest. */
export function ConfirmApproval({ approval, onClose }: ConfirmApprovalProps): ReactElement {
  const { shown, included } = approval;
  const { rows, amount_cents: cents } = shown;
  const text = useText();
  const isFirst = shown.approvals_needed === 2 && !approval.current.first_approval;
  return (
    <ActionDialog
      title={text("approval.ask")}
      confirm={text(isFirst ? "two.act" : "approval.ask.act")}
      reason="none"
      busy={approval.approving}
      error={null}
      onClose={onClose}
      onConfirm={approval.approve}
    >
      <p>
        <T
          id={approval.startAt ? "approval.ask.later" : "approval.ask.what"}
          values={{
            at: <DateTime at={approval.startAt} />,
            rows: <Count value={rows.payable} />,
            money: <Money cents={cents.payable} />,
            sources: shown.sources.length,
          }}
        />
      </p>
      {isFirst && (
        <p>
          <T id="two.means" />
        </p>
      )}
      {included.length > 0 && (
        <p>
          <T id="approval.ask.include" values={{ n: included.length }} />
        </p>
      )}
      <p>
        <T
          id="approval.ask.out"
          values={{
            n: rows.total - rows.payable,
            money: <Money cents={cents.total - cents.payable} />,
          }}
        />
      </p>
      <p>
        <Code>{(shown.digest ?? "").slice(0, DIGEST_SHOWN)}</Code>
      </p>
    </ActionDialog>
  );
}
