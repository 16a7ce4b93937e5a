/** The refused rows as a file to mend, and the mended file as a batch of its own. */
import Button from "@mui/material/Button";
import { useMutation } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type ReactElement, useState } from "react";
import { download } from "../api/download";
import { fetchOk } from "../api/request";
import { hasRole, session } from "../api/session";
import { useSignedIn } from "../api/signedIn";
import { NEVER_APPROVED } from "../api/statuses";
import { T, useText } from "../i18n/i18n";
import { ActionDialog } from "../ui/ActionDialog";
import { Field, Input } from "../ui/fields";
import { Icon } from "../ui/icons";
import { ButtonRow } from "../ui/layout";
import { ProblemPanel } from "../ui/ProblemPanel";
import { useBatch } from "./BatchContext";

/** For preparers: a button that saves the file, and one that uploads it mended. */
export function RefusedRowsFile(): ReactElement | null {
  const { batch } = useBatch();
  const { me } = useSignedIn();
  const [open, setOpen] = useState(false);
  const path = `/api/v1/batches/${batch.batch_id}/refused-rows.xml`;
  const saving = useMutation({ mutationFn: () => download(path, "refused-rows.xml") });
  if (!hasRole(me, "preparer")) return null;
  return (
    <>
      <ButtonRow>
        <Button
          variant="outlined"
          size="small"
          startIcon={<Icon name="arrow-down" />}
          disabled={saving.isPending}
          onClick={() => saving.mutate()}
        >
          <T id={saving.isPending ? "working" : "mend.download"} />
        </Button>
        {!NEVER_APPROVED.has(batch.status) && (
          <Button variant="outlined" size="small" onClick={() => setOpen(true)}>
            <T id="mend.upload" />
          </Button>
        )}
      </ButtonRow>
      {saving.error && <ProblemPanel error={saving.error} />}
      {open && <UploadDialog onClose={() => setOpen(false)} />}
    </>
  );
}

/** The file that was chosen. The same file sent once more has the same key, so it is one batch. */
type Chosen = { file: File; key: string };

function UploadDialog({ onClose }: { onClose: () => void }): ReactElement {
  const [chosen, setChosen] = useState<Chosen>();
  const text = useText();
  const upload = useUploadMended();
  return (
    <ActionDialog
      title={text("mend.title")}
      confirm={text("mend.act")}
      reason="none"
      incomplete={!chosen}
      busy={upload.isPending}
      error={upload.error}
      onClose={onClose}
      onConfirm={() => chosen && upload.mutate(chosen)}
    >
      <p>
        <T id="mend.means" />
      </p>
      <Field>
        <T id="mend.file" />
        <Input
          type="file"
          accept=".xml,.gz,application/xml,application/gzip"
          onChange={(event) => {
            const [file] = event.target.files ?? [];
            setChosen(file && { file, key: crypto.randomUUID() });
          }}
        />
      </Field>
    </ActionDialog>
  );
}

/** Uploads the file and opens the page of its batch. */
function useUploadMended() {
  const { batch_id: batchId } = useBatch().batch;
  const navigate = useNavigate();
  return useMutation({
    mutationFn: async ({ file, key }: Chosen) => {
      const query = new URLSearchParams({ filename: file.name });
      const answer = await fetchOk(`/api/v1/batches/${batchId}/mended-rows?${query}`, {
        method: "POST",
        headers: {
          ...session.headers(),
          "Content-Type": "application/xml",
          "Idempotency-Key": key,
        },
        body: file,
      });
      return (await answer.json()) as { batch_id: string };
    },
    onSuccess: (child) =>
      navigate({ to: "/batches/$batchId", params: { batchId: child.batch_id } }),
  });
}
