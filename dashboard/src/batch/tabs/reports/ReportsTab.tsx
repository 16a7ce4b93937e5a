/** Reports to download, and the certificate that closed the batch. */
import Button from "@mui/material/Button";
import { useMutation } from "@tanstack/react-query";
import type { ReactElement } from "react";
import { download } from "../../../api/download";
import { T, useText } from "../../../i18n/i18n";
import { Card } from "../../../ui/Card";
import { Icon } from "../../../ui/icons";
import { ButtonRow } from "../../../ui/layout";
import { ListTable } from "../../../ui/ListTable";
import { ProblemPanel } from "../../../ui/ProblemPanel";
import { useBatch } from "../../BatchContext";
import { Certificate } from "./Certificate";

/** A workbook first: it keeps ids as text and amounts as numbers whatever opens it. */
const REPORTS = [
  { name: "sources", files: ["sources.xlsx", "sources.csv"] },
  { name: "branches", files: ["branches.xlsx", "branches.csv"] },
  { name: "payments", files: ["payments.xlsx", "payments.csv"] },
  { name: "summary", files: ["summary.pdf"] },
  { name: "all", files: ["all.zip"] },
] as const;
type Report = (typeof REPORTS)[number];

export default function ReportsTab(): ReactElement {
  const { batch_id: batchId } = useBatch().batch;
  const text = useText();
  const downloading = useMutation({
    mutationFn: (file: string) => download(`/api/v1/batches/${batchId}/reports/${file}`, file),
  });
  const { error, variables: file } = downloading;
  return (
    <>
      <Card title={<T id="reports.title" />}>
        <p>
          <T id="reports.means" />
        </p>
        {error && <ProblemPanel error={error} retry={() => file && downloading.mutate(file)} />}
        <ListTable
          label={text("reports.title")}
          rows={REPORTS}
          rowId={(report) => report.name}
          columns={[
            { header: "column.what", wide: true, cell: (report) => <About report={report} /> },
            {
              header: "reports.download",
              cell: (report) => (
                <Downloads
                  files={report.files}
                  current={downloading.isPending ? file : undefined}
                  onDownload={downloading.mutate}
                />
              ),
            },
          ]}
        />
      </Card>
      <Certificate />
    </>
  );
}

function About({ report: { name } }: { report: Report }): ReactElement {
  return (
    <>
      <b>
        <T id={`report.${name}`} />
      </b>
      <br />
      <T id={`report.${name}.means`} />
    </>
  );
}

type DownloadsProps = {
  files: readonly string[];
  /** The file that is being downloaded. */
  current: string | undefined;
  onDownload: (file: string) => void;
};

function Downloads({ files, current, onDownload }: DownloadsProps): ReactElement {
  const text = useText();
  return (
    <ButtonRow>
      {files.map((file) => (
        <Button
          key={file}
          size="small"
          variant="outlined"
          startIcon={<Icon name="arrow-down" />}
          disabled={current !== undefined}
          onClick={() => onDownload(file)}
          aria-label={text("reports.get", { file })}
        >
          {current === file ? text("working") : file.slice(file.indexOf(".") + 1).toUpperCase()}
        </Button>
      ))}
    </ButtonRow>
  );
}
