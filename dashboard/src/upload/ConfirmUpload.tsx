import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import { type ReactElement, useState } from "react";
import { Problem } from "../api/problem";
import { T, useText } from "../i18n/i18n";
import { Card } from "../ui/Card";
import { Facts } from "../ui/Facts";
import { Field, Input } from "../ui/fields";
import { Code, FileSize } from "../ui/format";
import { ButtonRow } from "../ui/layout";
import { Link } from "../ui/links";
import { Notice } from "../ui/Notice";
import { ProblemPanel } from "../ui/ProblemPanel";
import { StatusChip } from "../ui/StatusChip";
import type { InspectedFile } from "./inspectFile";
import { rememberUpload } from "./rememberedUploads";
import { sendFile, type UploadOptions } from "./sendFile";
import {
  type ConfirmStep,
  leftUnanswered,
  shownError,
  type UploadStep,
  uploadKey,
} from "./uploadStep";

type ConfirmUploadProps = { step: ConfirmStep; setStep: (step: UploadStep) => void };

/**
 * The chosen file, its pay period, and the button that sends it. A repeated upload needs a reason.
 */
export function ConfirmUpload({ step, setStep }: ConfirmUploadProps): ReactElement {
  const { file, error, unanswered } = step;
  const [period, setPeriod] = useState(unanswered?.options.period ?? "");
  const [repeatReason, setRepeatReason] = useState(unanswered?.options.repeatReason ?? "");
  const text = useText();
  const duplicateOf = duplicateBatch(step);
  const upload = () => startUpload(step, { period, repeatReason: repeatReason.trim() }, setStep);
  return (
    <Card title={file.name}>
      <FileFacts file={file} />
      <Box sx={{ my: 2, display: "grid", gap: 1.5 }}>
        {error !== undefined && !isRepeat(error) && <ProblemPanel error={error} unsafe />}
        {duplicateOf && <DuplicateNotice step={step} batchId={duplicateOf} />}
        <PeriodField value={period} onChange={setPeriod} />
        {duplicateOf && (
          <Field>
            <T id="upload.repeat-reason" />
            <Input
              value={repeatReason}
              maxLength={500}
              onChange={(event) => setRepeatReason(event.target.value)}
            />
          </Field>
        )}
      </Box>
      <ButtonRow>
        <Button
          variant="contained"
          onClick={upload}
          disabled={duplicateOf !== undefined && repeatReason.trim() === ""}
        >
          {text(duplicateOf ? "upload.send-again" : "upload.send")}
        </Button>
        <Button onClick={() => setStep({ at: "choose" })}>
          <T id="upload.other" />
        </Button>
      </ButtonRow>
    </Card>
  );
}

/** Progress is shown at most this often: a bar that is updated faster than it can move stutters. */
const UPDATE_MS = 250;

function startUpload(
  { file, previous, unanswered }: ConfirmStep,
  options: UploadOptions,
  setStep: (step: UploadStep) => void,
): void {
  const key = uploadKey(unanswered, options);
  const abort = new AbortController();
  const cancel = () => abort.abort();
  let shownAt = 0;
  setStep({ at: "send", file, progress: { sent: 0, total: file.body.size }, cancel });
  sendFile(file, options, key, abort.signal, (progress) => {
    if (Date.now() - shownAt < UPDATE_MS && progress.sent < progress.total) return;
    shownAt = Date.now();
    setStep({ at: "send", file, progress, cancel });
  }).then(
    (batchId) => {
      rememberUpload(file.sha256, batchId);
      setStep({ at: "uploaded", batchId });
    },
    (error: unknown) => {
      const left = leftUnanswered(unanswered, { key, options }, error);
      const shown = shownError(error, left);
      setStep({ at: "confirm", file, previous, error: shown, unanswered: left });
    },
  );
}

/** Whether the server refused the upload because it has this file already. */
function isRepeat(error: unknown): error is Problem {
  return error instanceof Problem && error.code === "upload.repeated";
}

/** The batch that this file became before, as far as the browser or the server knows. */
function duplicateBatch({ previous, error }: ConfirmStep): string | undefined {
  if (previous) return previous.batch_id;
  return isRepeat(error) && typeof error.body.batch_id === "string"
    ? error.body.batch_id
    : undefined;
}

function FileFacts({ file }: { file: InspectedFile }): ReactElement {
  return (
    <Facts
      items={[
        [
          "upload.size",
          <>
            <FileSize bytes={file.bytes} /> ·{" "}
            <T id="upload.sent-as" values={{ size: <FileSize bytes={file.body.size} /> }} />
          </>,
        ],
        ["upload.hash", <Code key="hash">{file.sha256}</Code>],
      ]}
    />
  );
}

type DuplicateNoticeProps = { step: ConfirmStep; batchId: string };

function DuplicateNotice({ step, batchId }: DuplicateNoticeProps): ReactElement {
  const { previous, error } = step;
  return (
    <Notice tone="warning" live>
      <b>
        <T id="upload.duplicate" />
      </b>{" "}
      <Link to="/batches/$batchId" params={{ batchId }}>
        <T id="upload.duplicate.open" />
      </Link>{" "}
      {previous && <StatusChip kind="batch" status={previous.status} />}{" "}
      <T id={isRepeat(error) ? "upload.duplicate.refused" : "upload.duplicate.not-sent"} />
    </Notice>
  );
}

type PeriodFieldProps = { value: string; onChange: (value: string) => void };

function PeriodField({ value, onChange }: PeriodFieldProps): ReactElement {
  return (
    <Field>
      <T id="upload.period" />
      <Input
        type="date"
        value={value}
        onChange={(event) => onChange(event.target.value)}
        sx={{ width: "12rem" }}
      />
      <small>
        <T id="upload.period.help" />
      </small>
    </Field>
  );
}
