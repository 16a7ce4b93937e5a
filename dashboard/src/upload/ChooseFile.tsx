import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import { type DragEvent, type ReactElement, useRef, useState } from "react";
import { T, useText } from "../i18n/i18n";
import { Notice } from "../ui/Notice";
import { ProblemPanel } from "../ui/ProblemPanel";

type ChooseFileProps = { onFile: (file: File) => void; error: unknown };

/** An area to drop a file on, with a button for those who cannot drag. */
export function ChooseFile({ onFile, error }: ChooseFileProps): ReactElement {
  const [dragging, setDragging] = useState(false);
  const text = useText();
  const dropped = (event: DragEvent) => {
    event.preventDefault();
    setDragging(false);
    const [file] = event.dataTransfer.files;
    if (file) onFile(file);
  };
  return (
    <>
      {Boolean(error) && <ProblemPanel error={error} />}
      <Box
        component="section"
        aria-label={text("upload.drop")}
        sx={{
          border: "2px dashed",
          borderColor: dragging ? "primary.main" : "text.secondary",
          borderRadius: 2,
          p: { xs: 2, sm: 5 },
          textAlign: "center",
          bgcolor: "background.paper",
          mb: 2,
        }}
        onDragOver={(event) => {
          event.preventDefault();
          setDragging(true);
        }}
        onDragLeave={() => setDragging(false)}
        onDrop={dropped}
      >
        <p>
          <T id="upload.drop" />
        </p>
        <FileButton onFile={onFile} />
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

function FileButton({ onFile }: { onFile: (file: File) => void }): ReactElement {
  const picker = useRef<HTMLInputElement>(null);
  const text = useText();
  return (
    <>
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
          event.target.value = ""; // so that the same file can be chosen again
        }}
      />
    </>
  );
}
