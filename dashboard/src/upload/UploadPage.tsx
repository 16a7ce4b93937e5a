/** Upload a roster: choose a file, look at it, send it, watch the system read it. */
import LinearProgress from "@mui/material/LinearProgress";
import { type ReactElement, useState } from "react";
import { Problem } from "../api/problem";
import { hasRole } from "../api/session";
import { useSignedIn } from "../api/signedIn";
import { T, useText } from "../i18n/i18n";
import { Card } from "../ui/Card";
import { Notice } from "../ui/Notice";
import { Page } from "../ui/Page";
import { ChooseFile } from "./ChooseFile";
import { ConfirmUpload } from "./ConfirmUpload";
import { inspectFile } from "./inspectFile";
import { previousUpload } from "./previousUpload";
import { ProcessingStages } from "./ProcessingStages";
import { SendingFile } from "./SendingFile";
import type { UploadStep } from "./uploadStep";

export default function UploadPage(): ReactElement {
  const { me } = useSignedIn();
  const text = useText();
  if (!hasRole(me, "preparer")) {
    return (
      <Page title={text("upload.title")}>
        <Notice tone="warning">
          <T id="upload.forbidden" />
        </Notice>
      </Page>
    );
  }
  return (
    <Page title={text("upload.title")} lead={<T id="upload.lead" />}>
      <Upload />
    </Page>
  );
}

function Upload(): ReactElement {
  const [step, setStep] = useState<UploadStep>({ at: "choose" });
  switch (step.at) {
    case "choose":
      return <ChooseFile onFile={(file) => inspect(file, setStep)} error={step.error} />;
    case "inspect":
      return <InspectingFile name={step.name} />;
    case "confirm":
      return <ConfirmUpload step={step} setStep={setStep} />;
    case "send":
      return <SendingFile step={step} />;
    case "uploaded":
      return (
        <ProcessingStages batchId={step.batchId} onAnotherFile={() => setStep({ at: "choose" })} />
      );
  }
}

/** Hash and compress a file, and ask whether it was uploaded before. */
async function inspect(chosen: File, setStep: (step: UploadStep) => void): Promise<void> {
  setStep({ at: "inspect", name: chosen.name });
  try {
    const file = await inspectFile(chosen);
    setStep({ at: "confirm", file, previous: await previousUpload(file.sha256) });
  } catch {
    setStep({ at: "choose", error: new Problem({ code: "upload.unreadable" }, 422) });
  }
}

function InspectingFile({ name }: { name: string }): ReactElement {
  const text = useText();
  return (
    <Card>
      <p role="status">
        <T id="upload.preparing" values={{ name }} />
      </p>
      <LinearProgress aria-label={text("upload.preparing.bar")} />
    </Card>
  );
}
