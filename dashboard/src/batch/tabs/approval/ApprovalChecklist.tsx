import Box from "@mui/material/Box";
import Checkbox from "@mui/material/Checkbox";
import FormControlLabel from "@mui/material/FormControlLabel";
import type { ReactElement, ReactNode } from "react";
import type { Batch } from "../../../api/client";
import { T, useApiText } from "../../../i18n/i18n";
import { Code, Count, Money } from "../../../ui/format";
import { Icon } from "../../../ui/icons";
import { MutedText } from "../../../ui/layout";
import { Link } from "../../../ui/links";
import { Notice } from "../../../ui/Notice";
import { isUnusual, unusualFirst, warningOf } from "./unusualChanges";
import type { Approval } from "./useApproval";
import { WarningExamples } from "./WarningExamples";

/**
 * A tick for each warning, and one for the rows and the money. Disabled while the batch has another
 * digest.
 */
export function ApprovalChecklist({ approval }: { approval: Approval }): ReactElement {
  const { shown, locked, ticked, tick, compared, setCompared } = approval;
  const unusual = shown.to_acknowledge.filter(isUnusual).length;
  return (
    <Box
      component="fieldset"
      sx={{ border: 1, borderColor: "divider", borderRadius: 1, p: 2, m: 0, minWidth: 0 }}
      disabled={locked}
    >
      <legend>
        <T id="approval.confirm" />
      </legend>
      {unusual > 0 && (
        <Notice tone="warning">
          <T id="approval.unusual" values={{ n: unusual }} />
        </Notice>
      )}
      {unusualFirst(shown.to_acknowledge).map((code) => (
        <Tick key={code} checked={ticked.has(code)} onChange={(on) => tick(code, on)}>
          <Warning batch={shown} code={code} />
        </Tick>
      ))}
      <Tick checked={compared} onChange={setCompared}>
        <T
          id="approval.compared"
          values={{
            rows: <Count value={shown.rows.payable} />,
            money: <Money cents={shown.amount_cents.payable} />,
          }}
        />
      </Tick>
    </Box>
  );
}

type TickProps = { checked: boolean; onChange: (on: boolean) => void; children: ReactNode };

function Tick({ checked, onChange, children }: TickProps): ReactElement {
  return (
    <FormControlLabel
      sx={{ display: "flex", alignItems: "flex-start", "& + &": { mt: 1 } }}
      control={
        <Checkbox
          checked={checked}
          onChange={(event) => onChange(event.target.checked)}
          sx={{ pt: 0 }}
        />
      }
      label={<>{children}</>}
    />
  );
}

function Warning({ batch, code }: { batch: Batch; code: string }): ReactElement {
  const { messages, count } = warningOf(batch, code);
  const apiText = useApiText();
  return (
    <>
      {isUnusual(code) && <Icon name="triangle" />}{" "}
      {messages.map((one) => apiText(one)).join(" ") || code}{" "}
      <Link to="/batches/$batchId/checks" params={{ batchId: batch.batch_id }} search={{ code }}>
        <T id="approval.places" values={{ n: count }} />
      </Link>{" "}
      <MutedText>
        <Code>{code}</Code>
      </MutedText>
      {isUnusual(code) && <WarningExamples batchId={batch.batch_id} code={code} />}
    </>
  );
}
