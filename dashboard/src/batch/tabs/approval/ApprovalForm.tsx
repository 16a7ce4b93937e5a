import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import { type ReactElement, useState } from "react";
import type { Batch } from "../../../api/client";
import { T } from "../../../i18n/i18n";
import { BigNumber, BigNumbers } from "../../../ui/BigNumber";
import { Card } from "../../../ui/Card";
import { Count, Money } from "../../../ui/format";
import { Notice } from "../../../ui/Notice";
import { ProblemPanel } from "../../../ui/ProblemPanel";
import { useForgetDialog } from "../../../ui/signInAnew";
import { useBatch } from "../../BatchContext";
import { CorrectionTable } from "../../CorrectionTable";
import { RowsLink } from "../../RowsLink";
import { ApprovalChecklist } from "./ApprovalChecklist";
import { BatchDifference } from "./BatchDifference";
import { ConfirmApproval } from "./ConfirmApproval";
import { ExcludedRows } from "./ExcludedRows";
import { StartChoice } from "./StartChoice";
import { type Approval, APPROVAL, keptApproval, useApproval } from "./useApproval";

/** The figures to approve, a tick for every warning, and the button that approves. */
export function ApprovalForm(): ReactElement {
  const { batch } = useBatch();
  const [confirming, setConfirming] = useState(() => keptApproval(batch) !== null);
  useForgetDialog(APPROVAL);
  const approval = useApproval(() => setConfirming(false));
  const { shown } = approval;
  return (
    <Card title={<T id="approval.title" />}>
      {Boolean(approval.error) && <ProblemPanel error={approval.error} unsafe dialog={APPROVAL} />}
      {approval.changed && (
        <BatchDifference before={shown} after={approval.current} onAccept={approval.restart} />
      )}
      <Figures batch={shown} />
      <MadeCorrections batch={shown} />
      {shown.rows.excluded > 0 && (
        <ExcludedRows
          batchId={shown.batch_id}
          included={approval.included}
          onChange={approval.setIncluded}
        />
      )}
      <ApprovalChecklist approval={approval} />
      <StartChoice approval={approval} />
      <ApproveButton approval={approval} onClick={() => setConfirming(true)} />
      {confirming && approval.missing === 0 && (
        <ConfirmApproval approval={approval} onClose={() => setConfirming(false)} />
      )}
    </Card>
  );
}

function Figures({ batch }: { batch: Batch }): ReactElement {
  const { rows, amount_cents: cents } = batch;
  const out = rows.total - rows.payable;
  return (
    <BigNumbers>
      <BigNumber
        tone="success"
        label={<T id="approval.will-pay" />}
        value={<Money cents={cents.payable} />}
        below={
          <RowsLink batchId={batch.batch_id} search={{ status: "payable" }}>
            <T id="rows.count" values={{ n: rows.payable }} />
          </RowsLink>
        }
      />
      <BigNumber
        tone={out > 0 ? "warning" : "neutral"}
        label={<T id="approval.will-not-pay" />}
        value={<Money cents={cents.total - cents.payable} />}
        below={<T id="rows.count" values={{ n: out }} />}
      />
      <BigNumber
        label={<T id="approval.sources" />}
        value={<Count value={batch.sources.length} />}
      />
    </BigNumbers>
  );
}

function MadeCorrections({ batch: { corrections } }: { batch: Batch }): ReactElement | null {
  if (corrections.length === 0) return null;
  return (
    <Box sx={{ mb: 2 }}>
      <Notice tone="warning">
        <T id="approval.corrected" values={{ n: corrections.length }} />
      </Notice>
      <CorrectionTable corrections={corrections} made />
    </Box>
  );
}

type ApproveButtonProps = { approval: Approval; onClick: () => void };

function ApproveButton({ approval, onClick }: ApproveButtonProps): ReactElement {
  const { shown, locked, missing } = approval;
  return (
    <Box sx={{ mt: 2 }}>
      <Button variant="contained" size="large" disabled={missing > 0 || locked} onClick={onClick}>
        <span>
          <T
            id="approval.act"
            values={{
              rows: <Count value={shown.rows.payable} />,
              money: <Money cents={shown.amount_cents.payable} />,
            }}
          />
        </span>
      </Button>
      {missing > 0 && (
        <Box sx={{ mt: 1, color: "text.secondary" }}>
          <T id="approval.missing" values={{ n: missing }} />
        </Box>
      )}
    </Box>
  );
}
