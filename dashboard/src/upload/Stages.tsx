/** What the server does with an uploaded file, as it does it; the tab may be closed meanwhile. */
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import type { ReactElement } from "react";
import type { Batch } from "../api/client";
import { useBatchQuery } from "../batch/useBatch";
import { type Id, T } from "../i18n/i18n";
import { Count, Money } from "../ui/figures";
import { Icon, type IconName } from "../ui/icons";
import { ButtonLink } from "../ui/links";
import { Card, Loading, Notice } from "../ui/page";
import { ProblemPanel } from "../ui/ProblemPanel";

const STAGES: { word: Id; during: string[] }[] = [
  { word: "stage.received", during: ["receiving"] },
  { word: "stage.reading", during: ["reading"] },
  { word: "stage.checking", during: ["checking"] },
  { word: "stage.ready", during: [] },
];
const ORDER = ["receiving", "reading", "checking", "ready"];

export function Stages({
  batchId,
  onAgain,
}: {
  batchId: string;
  onAgain: () => void;
}): ReactElement {
  const found = useBatchQuery(batchId);
  const batch = found.data as Batch | undefined;
  if (!batch)
    return found.error ? (
      <ProblemPanel error={found.error} retry={() => void found.refetch()} />
    ) : (
      <Loading />
    );
  const refused = batch.status === "rejected";
  const reached = refused
    ? 1
    : ORDER.includes(batch.status)
      ? ORDER.indexOf(batch.status)
      : ORDER.length;
  return (
    <Card title={batch.filename}>
      <Box
        component="ol"
        role="status"
        sx={{ listStyle: "none", p: 0, m: 0, mb: 2, display: "grid", gap: 0.5 }}
      >
        {STAGES.map((stage, n) => {
          const done = n < reached || batch.status === "ready";
          const icon: IconName =
            refused && n === reached
              ? "octagon"
              : done
                ? "check-circle"
                : n === reached
                  ? "arrow-right"
                  : "dots";
          return (
            <Box
              component="li"
              key={stage.word}
              sx={{
                color: done || n === reached ? "text.primary" : "text.secondary",
                fontWeight: n === reached ? 650 : 400,
              }}
            >
              <Icon name={icon} /> <T id={stage.word} />{" "}
              {n === reached && !done && !refused && <T id="stage.now" />}
            </Box>
          );
        })}
      </Box>
      {refused && batch.error && (
        <Notice tone="error" live>
          <b>
            <T id="batch.refused" />
          </b>{" "}
          {batch.error.message}{" "}
          {batch.error.line !== null && (
            <T id="batch.refused.line" values={{ line: batch.error.line }} />
          )}{" "}
          <T id="batch.refused.do" />
        </Notice>
      )}
      {batch.status === "ready" && (
        <Notice tone="success" live>
          <T
            id="upload.ready"
            values={{
              rows: <Count of={batch.rows.payable} />,
              money: <Money cents={batch.amount_cents.payable} />,
              out: <Count of={batch.rows.total - batch.rows.payable} />,
            }}
          />
        </Notice>
      )}
      {!refused && batch.status !== "ready" && (
        <p>
          <T id="upload.may-close" />
        </p>
      )}
      <Box sx={{ display: "flex", flexWrap: "wrap", gap: 1 }}>
        {!refused && (
          <ButtonLink to="/batches/$batchId" params={{ batchId }}>
            <T id="upload.open" />
          </ButtonLink>
        )}
        <Button onClick={onAgain}>
          <T id="upload.other" />
        </Button>
      </Box>
    </Card>
  );
}
