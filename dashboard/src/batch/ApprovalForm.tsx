import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Checkbox from "@mui/material/Checkbox";
import FormControlLabel from "@mui/material/FormControlLabel";
import { useNavigate } from "@tanstack/react-router";
import { lazy, type ReactElement, Suspense, useState } from "react";
import { type Batch, query } from "../api/client";
import { Problem } from "../api/problem";
import { T, useText } from "../i18n/i18n";
import { Code, Count, Money, ShortId } from "../ui/figures";
import { BigNumber, Card, Notice, Numbers } from "../ui/page";
import { ProblemPanel } from "../ui/ProblemPanel";
import { ListTable } from "../ui/table";
import { Difference } from "./Difference";
import { type Include, Excluded } from "./Excluded";
import { RowsLink } from "./RowsLink";
import { useBatch } from "./useBatch";

const ReasonDialog = lazy(() => import("../ui/ReasonDialog"));

/** What was on the screen when the person began is what is approved: it is kept here, whatever comes in meanwhile. */
export function ApprovalForm(): ReactElement {
  const { batch, again } = useBatch();
  const [shown, setShown] = useState(batch);
  const [seen, setSeen] = useState<ReadonlySet<string>>(new Set());
  const [compared, setCompared] = useState(false);
  const [include, setInclude] = useState<Include[]>([]);
  const [asking, setAsking] = useState(false);
  const navigate = useNavigate();
  const text = useText();
  const approve = query.useMutation("post", "/api/v1/batches/{batch_id}/approve", {
    onSuccess: async () => {
      await again();
      void navigate({ to: "/batches/$batchId/live", params: { batchId: batch.batch_id } });
    },
    onError: () => {
      setAsking(false);
      void again();
    },
  });
  const begin = (now: Batch) => {
    setShown(now);
    setSeen(new Set());
    setCompared(false);
    setInclude([]);
    approve.reset();
  };
  const moved = batch.digest !== shown.digest;
  const stale = approve.error instanceof Problem && approve.error.status === 409;
  const missing = shown.to_acknowledge.filter((code) => !seen.has(code));
  const tick = (code: string, on: boolean) =>
    setSeen((now) => {
      const next = new Set(now);
      if (on) next.add(code);
      else next.delete(code);
      return next;
    });
  return (
    <Card title={<T id="approval.title" />}>
      {approve.error !== null && approve.error !== undefined && (
        <ProblemPanel error={approve.error} unsafe />
      )}
      {(moved || stale) && <Difference before={shown} after={batch} onTake={() => begin(batch)} />}
      <Figures batch={shown} />
      <MadeCorrections batch={shown} />
      {shown.rows.excluded > 0 && (
        <Excluded batchId={shown.batch_id} include={include} onInclude={setInclude} />
      )}
      <Box
        component="fieldset"
        sx={{ border: 1, borderColor: "divider", borderRadius: 1, p: 2, m: 0, minWidth: 0 }}
        disabled={moved}
      >
        <legend>
          <T id="approval.confirm" />
        </legend>
        {shown.to_acknowledge.map((code) => {
          const issue = shown.issues.find((one) => one.code === code);
          return (
            <FormControlLabel
              key={code}
              sx={{ display: "flex", alignItems: "flex-start", mb: 1 }}
              control={
                <Checkbox
                  checked={seen.has(code)}
                  onChange={(event) => tick(code, event.target.checked)}
                  sx={{ pt: 0 }}
                />
              }
              label={
                <>
                  {issue?.message ?? code}{" "}
                  <Box component="span" sx={{ color: "text.secondary" }}>
                    <T id="approval.places" values={{ n: issue?.count ?? 0 }} /> <Code>{code}</Code>
                  </Box>
                </>
              }
            />
          );
        })}
        <FormControlLabel
          sx={{ display: "flex", alignItems: "flex-start" }}
          control={
            <Checkbox
              checked={compared}
              onChange={(event) => setCompared(event.target.checked)}
              sx={{ pt: 0 }}
            />
          }
          label={
            <T
              id="approval.compared"
              values={{
                rows: <Count of={shown.rows.payable} />,
                money: <Money cents={shown.amount_cents.payable} />,
              }}
            />
          }
        />
      </Box>
      <Box sx={{ mt: 2 }}>
        <Button
          variant="contained"
          size="large"
          disabled={missing.length > 0 || !compared || moved}
          onClick={() => setAsking(true)}
        >
          <span>
            <T
              id="approval.act"
              values={{
                rows: <Count of={shown.rows.payable} />,
                money: <Money cents={shown.amount_cents.payable} />,
              }}
            />
          </span>
        </Button>
        {(missing.length > 0 || !compared) && (
          <Box sx={{ mt: 1, color: "text.secondary" }}>
            <T id="approval.missing" values={{ n: missing.length + (compared ? 0 : 1) }} />
          </Box>
        )}
      </Box>
      {asking && (
        <Suspense fallback={null}>
          <ReasonDialog
            title={text("approval.ask")}
            act={text("approval.ask.act")}
            reason="none"
            busy={approve.isPending}
            error={null}
            onClose={() => setAsking(false)}
            onAct={() =>
              approve.mutate({
                params: { path: { batch_id: batch.batch_id } },
                body: { digest: shown.digest ?? "", acknowledge: [...seen], include },
              })
            }
          >
            <p>
              <T
                id="approval.ask.what"
                values={{
                  rows: <Count of={shown.rows.payable} />,
                  money: <Money cents={shown.amount_cents.payable} />,
                  sources: shown.sources.length,
                }}
              />
            </p>
            {include.length > 0 && (
              <p>
                <T id="approval.ask.include" values={{ n: include.length }} />
              </p>
            )}
            <p>
              <T
                id="approval.ask.out"
                values={{
                  n: shown.rows.total - shown.rows.payable,
                  money: <Money cents={shown.amount_cents.total - shown.amount_cents.payable} />,
                }}
              />
            </p>
            <p>
              <Code>{(shown.digest ?? "").slice(0, 23)}</Code>
            </p>
          </ReasonDialog>
        </Suspense>
      )}
    </Card>
  );
}

function Figures({ batch }: { batch: Batch }): ReactElement {
  const out = batch.rows.total - batch.rows.payable;
  return (
    <Numbers>
      <BigNumber
        tone="success"
        label={<T id="approval.will-pay" />}
        value={<Money cents={batch.amount_cents.payable} />}
        below={
          <RowsLink batch={batch} search={{ status: "payable" }}>
            <T id="rows.count" values={{ n: batch.rows.payable }} />
          </RowsLink>
        }
      />
      <BigNumber
        tone={out > 0 ? "warning" : "neutral"}
        label={<T id="approval.will-not-pay" />}
        value={<Money cents={batch.amount_cents.total - batch.amount_cents.payable} />}
        below={<T id="rows.count" values={{ n: out }} />}
      />
      <BigNumber label={<T id="approval.sources" />} value={<Count of={batch.sources.length} />} />
    </Numbers>
  );
}

function MadeCorrections({ batch }: { batch: Batch }): ReactElement | null {
  const text = useText();
  const made = batch.corrections;
  if (made.length === 0) return null;
  return (
    <>
      <Notice tone="warning">
        <T id="approval.corrected" values={{ n: made.length }} />
      </Notice>
      <ListTable
        label={text("corrections.table")}
        rows={made}
        id={(c) => `${c.source_account_id}|${c.field}`}
        columns={[
          {
            key: "source",
            head: <T id="column.source" />,
            cell: (c) => <ShortId id={c.source_account_id} />,
          },
          { key: "field", head: <T id="column.field" />, cell: (c) => c.field },
          { key: "from", head: <T id="column.from" />, cell: (c) => <Code>{c.from}</Code> },
          { key: "to", head: <T id="column.to" />, cell: (c) => <b>{c.to}</b> },
          { key: "by", head: <T id="column.by" />, cell: (c) => c.by ?? "—" },
        ]}
      />
      <Box sx={{ height: 16 }} />
    </>
  );
}
