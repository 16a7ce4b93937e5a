import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import type { ReactElement } from "react";
import { useBatchQuery } from "../api/batchQuery";
import type { Batch } from "../api/client";
import { type MessageId, T } from "../i18n/i18n";
import { Card } from "../ui/Card";
import { Count, Money } from "../ui/format";
import { Icon, type IconName } from "../ui/icons";
import { ButtonRow } from "../ui/layout";
import { ButtonLink } from "../ui/links";
import { Notice } from "../ui/Notice";
import { QueryView } from "../ui/QueryView";
import { RefusedFileNotice } from "../ui/RefusedFileNotice";

const STAGES: readonly { status: Batch["status"]; label: MessageId }[] = [
  { status: "receiving", label: "stage.received" },
  { status: "reading", label: "stage.reading" },
  { status: "checking", label: "stage.checking" },
  { status: "ready", label: "stage.ready" },
];

type ProcessingStagesProps = { batchId: string; onAnotherFile: () => void };

/**
 * What the system does with an uploaded file, while it does it. The page may be closed meanwhile.
 */
export function ProcessingStages(props: ProcessingStagesProps): ReactElement {
  const { batchId, onAnotherFile } = props;
  const found = useBatchQuery(batchId);
  if (!found.data) return <QueryView query={found}>{() => null}</QueryView>;
  const batch = found.data;
  const refused = batch.status === "rejected";
  return (
    <Card title={batch.filename}>
      <StageList batch={batch} />
      {refused && batch.error && <RefusedFileNotice error={batch.error} live />}
      {batch.status === "ready" && <ReadyNotice batch={batch} />}
      {!refused && batch.status !== "ready" && (
        <p>
          <T id="upload.may-close" />
        </p>
      )}
      <ButtonRow>
        {!refused && (
          <ButtonLink to="/batches/$batchId" params={{ batchId }}>
            <T id="upload.open" />
          </ButtonLink>
        )}
        <Button onClick={onAnotherFile}>
          <T id="upload.other" />
        </Button>
      </ButtonRow>
    </Card>
  );
}

function StageList({ batch }: { batch: Batch }): ReactElement {
  const current = currentStage(batch.status);
  return (
    <Box
      component="ol"
      role="status"
      sx={{ listStyle: "none", p: 0, m: 0, mb: 2, display: "grid", gap: 0.5 }}
    >
      {STAGES.map(({ label }, n) => {
        const icon = stageIcon(batch.status, n, current);
        return (
          <Box
            component="li"
            key={label}
            sx={{
              color: icon === "dots" ? "text.secondary" : "text.primary",
              fontWeight: n === current ? 650 : 400,
            }}
          >
            <Icon name={icon} /> <T id={label} /> {icon === "arrow-right" && <T id="stage.now" />}
          </Box>
        );
      })}
    </Box>
  );
}

/**
 * The position of a batch's stage; a refused file stopped at reading, an approved one is past all.
 */
function currentStage(status: Batch["status"]): number {
  if (status === "rejected") return 1;
  const stage = STAGES.findIndex((one) => one.status === status);
  return stage < 0 ? STAGES.length : stage;
}

function stageIcon(status: Batch["status"], stage: number, current: number): IconName {
  if (stage < current || status === "ready") return "check-circle";
  if (stage > current) return "dots";
  return status === "rejected" ? "octagon" : "arrow-right";
}

function ReadyNotice({ batch }: { batch: Batch }): ReactElement {
  return (
    <Notice tone="success" live>
      <T
        id="upload.ready"
        values={{
          rows: <Count value={batch.rows.payable} />,
          money: <Money cents={batch.amount_cents.payable} />,
          out: <Count value={batch.rows.total - batch.rows.payable} />,
        }}
      />
    </Notice>
  );
}
