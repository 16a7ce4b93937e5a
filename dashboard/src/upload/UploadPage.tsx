/** Upload a roster: chosen or dropped, looked at here, then sent. */
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import LinearProgress from "@mui/material/LinearProgress";
import { type ReactElement, useRef, useState } from "react";
import type { BatchLine } from "../api/client";
import { Problem } from "../api/problem";
import { may } from "../api/session";
import { T, useLanguage, useText } from "../i18n/i18n";
import { Code } from "../ui/figures";
import { Field, Input } from "../ui/Filters";
import { Link } from "../ui/links";
import { useMe } from "../ui/me";
import { Card, Facts, Notice, Page } from "../ui/page";
import { ProblemPanel } from "../ui/ProblemPanel";
import { StateChip } from "../ui/StateChip";
import { earlier } from "./earlier";
import { type Prepared, prepare, remember } from "./prepare";
import { type Progress, send } from "./send";
import { Stages } from "./Stages";

const UPDATE_MS = 250; // a bar that is told more often than it can move only stutters

type Step =
  | { at: "choose"; error?: unknown }
  | { at: "preparing"; name: string }
  | { at: "check"; file: Prepared; before: BatchLine | null; error?: unknown }
  | { at: "sending"; file: Prepared; progress: Progress }
  | { at: "done"; batchId: string };

export default function UploadPage(): ReactElement {
  const { me } = useMe();
  const text = useText();
  const [step, setStep] = useState<Step>({ at: "choose" });
  if (!may(me, "preparer")) {
    return (
      <Page title={text("upload.title")}>
        <Notice tone="warning">
          <T id="upload.not-yours" />
        </Notice>
      </Page>
    );
  }
  const choose = (file: File) => {
    setStep({ at: "preparing", name: file.name });
    prepare(file)
      .then(
        async (prepared) =>
          setStep({ at: "check", file: prepared, before: await earlier(prepared.sha256) }),
        () => setStep({ at: "choose", error: new Problem({ code: "upload.unreadable" }, 422) }),
      )
      .catch((error: unknown) => setStep({ at: "choose", error }));
  };
  return (
    <Page title={text("upload.title")} lead={<T id="upload.lead" />}>
      {step.at === "choose" && <Choose onFile={choose} error={step.error} />}
      {step.at === "preparing" && (
        <Card>
          <p role="status">
            <T id="upload.preparing" values={{ name: step.name }} />
          </p>
          <LinearProgress aria-label={text("upload.preparing.bar")} />
        </Card>
      )}
      {step.at === "check" && <Check step={step} setStep={setStep} />}
      {step.at === "sending" && <Sending step={step} />}
      {step.at === "done" && (
        <Stages batchId={step.batchId} onAgain={() => setStep({ at: "choose" })} />
      )}
    </Page>
  );
}

function Choose({ onFile, error }: { onFile: (file: File) => void; error: unknown }): ReactElement {
  const picker = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const text = useText();
  return (
    <>
      {Boolean(error) && <ProblemPanel error={error} />}
      <Box
        component="section"
        aria-label={text("upload.drop")}
        sx={{
          border: "2px dashed",
          borderColor: over ? "primary.main" : "text.secondary",
          borderRadius: 2,
          p: { xs: 2, sm: 5 },
          textAlign: "center",
          bgcolor: "background.paper",
          mb: 2,
        }}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          event.preventDefault();
          setOver(false);
          const [file] = event.dataTransfer.files;
          if (file) onFile(file);
        }}
      >
        <p>
          <T id="upload.drop" />
        </p>
        <Button variant="contained" size="large" onClick={() => picker.current?.click()}>
          <T id="upload.choose" />
        </Button>
        <input
          ref={picker}
          type="file"
          accept=".xml,.gz,application/xml,text/xml,application/gzip"
          hidden
          aria-label={text("upload.choose")}
          onChange={(event) => {
            const [file] = event.target.files ?? [];
            if (file) onFile(file);
            event.target.value = "";
          }}
        />
        <p>
          <T id="upload.kinds" />
        </p>
      </Box>
      <Notice tone="info">
        <T id="upload.what-happens" />
      </Notice>
    </>
  );
}

type CheckStep = Extract<Step, { at: "check" }>;

function Check({
  step,
  setStep,
}: {
  step: CheckStep;
  setStep: (step: Step) => void;
}): ReactElement {
  const { file, before, error } = step;
  const [period, setPeriod] = useState("");
  const [reason, setReason] = useState("");
  const key = useRef(crypto.randomUUID());
  const text = useText();
  const repeated = error instanceof Problem && error.code === "upload.repeated";
  const twin =
    before?.batch_id ??
    (repeated && typeof error.more.batch_id === "string" ? error.more.batch_id : undefined);
  const start = () => {
    const cancel = new AbortController();
    let told = 0;
    setStep({ at: "sending", file, progress: { sent: 0, total: file.body.size } });
    stop.current = () => cancel.abort();
    send(file, { period, repeatReason: reason.trim() }, key.current, cancel.signal, (progress) => {
      if (Date.now() - told < UPDATE_MS && progress.sent < progress.total) return;
      told = Date.now();
      setStep({ at: "sending", file, progress });
    }).then(
      (batchId) => {
        remember(file.sha256, batchId);
        setStep({ at: "done", batchId });
      },
      (failed: unknown) => setStep({ at: "check", file, before, error: failed }),
    );
  };
  return (
    <Card title={file.name}>
      <Facts
        of={[
          [
            "upload.size",
            <>
              <Bytes key="b" n={file.bytes} /> ·{" "}
              <T id="upload.sent-as" values={{ size: <Bytes n={file.body.size} /> }} />
            </>,
          ],
          ["upload.hash", <Code key="h">{file.sha256}</Code>],
        ]}
      />
      <Box sx={{ my: 2, display: "grid", gap: 1.5 }}>
        {error !== undefined && !repeated && <ProblemPanel error={error} unsafe />}
        {twin && (
          <Notice tone="warning" live>
            <b>
              <T id="upload.twin" />
            </b>{" "}
            <Link to="/batches/$batchId" params={{ batchId: twin }}>
              <T id="upload.twin.open" />
            </Link>{" "}
            {before && <StateChip kind="batch" state={before.status} />}{" "}
            <T id={repeated ? "upload.twin.server" : "upload.twin.browser"} />
          </Notice>
        )}
        <Field>
          <T id="upload.period" />
          <Input
            type="date"
            value={period}
            onChange={(event) => setPeriod(event.target.value)}
            sx={{ width: "12rem" }}
          />
          <small>
            <T id="upload.period.help" />
          </small>
        </Field>
        {twin && (
          <Field>
            <T id="upload.repeat-reason" />
            <Input
              value={reason}
              maxLength={500}
              onChange={(event) => setReason(event.target.value)}
            />
          </Field>
        )}
      </Box>
      <Box sx={{ display: "flex", flexWrap: "wrap", gap: 1 }}>
        <Button
          variant="contained"
          onClick={start}
          disabled={Boolean(twin) && reason.trim() === ""}
        >
          {text(twin ? "upload.send-again" : "upload.send")}
        </Button>
        <Button onClick={() => setStep({ at: "choose" })}>
          <T id="upload.other" />
        </Button>
      </Box>
    </Card>
  );
}

const stop: { current: () => void } = { current: () => undefined };

function Sending({ step }: { step: Extract<Step, { at: "sending" }> }): ReactElement {
  const { sent, total } = step.progress;
  const percent = total > 0 ? Math.floor((sent / total) * 100) : 0;
  const text = useText();
  return (
    <Card title={step.file.name}>
      <p role="status">
        <T
          id={percent >= 100 ? "upload.sent-all" : "upload.sending"}
          values={{ sent: <Bytes n={sent} />, total: <Bytes n={total} />, percent }}
        />
      </p>
      <LinearProgress
        variant={percent >= 100 ? "indeterminate" : "determinate"}
        value={percent}
        aria-label={text("upload.bar")}
      />
      <Button sx={{ mt: 2 }} onClick={() => stop.current()}>
        <T id="upload.cancel" />
      </Button>
    </Card>
  );
}

function Bytes({ n }: { n: number }): ReactElement {
  const { locale } = useLanguage();
  const [value, unit] =
    n >= 1_000_000 ? ([n / 1_000_000, "megabyte"] as const) : ([n / 1_000, "kilobyte"] as const);
  return <>{value.toLocaleString(locale, { style: "unit", unit, maximumFractionDigits: 1 })}</>;
}
