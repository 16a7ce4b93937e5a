import Button from "@mui/material/Button";
import LinearProgress from "@mui/material/LinearProgress";
import type { ReactElement } from "react";
import { T, useText } from "../i18n/i18n";
import { Card } from "../ui/Card";
import { FileSize } from "../ui/format";
import type { SendStep } from "./uploadStep";

/** How much of the file was sent, and a button that cancels. */
export function SendingFile({ step }: { step: SendStep }): ReactElement {
  const { sent, total } = step.progress;
  const percent = total > 0 ? Math.floor((sent / total) * 100) : 0;
  const text = useText();
  return (
    <Card title={step.file.name}>
      <p role="status">
        <T
          id={percent >= 100 ? "upload.sent-all" : "upload.sending"}
          values={{ sent: <FileSize bytes={sent} />, total: <FileSize bytes={total} />, percent }}
        />
      </p>
      <LinearProgress
        variant={percent >= 100 ? "indeterminate" : "determinate"}
        value={percent}
        aria-label={text("upload.bar")}
      />
      <Button sx={{ mt: 2 }} onClick={step.cancel}>
        <T id="upload.cancel" />
      </Button>
    </Card>
  );
}
