/** A batch: its head, which says whether money went out, and its tabs. */
import Box from "@mui/material/Box";
import { styled } from "@mui/material/styles";
import { getRouteApi, Outlet, useRouterState } from "@tanstack/react-router";
import { type ReactElement, useMemo } from "react";
import type { Batch } from "../api/client";
import { may } from "../api/session";
import { type Id, T, useText } from "../i18n/i18n";
import { Day, ShortId, When } from "../ui/figures";
import { ButtonLink, Link } from "../ui/links";
import { useMe } from "../ui/me";
import { Loading, Notice, Page } from "../ui/page";
import { ProblemPanel } from "../ui/ProblemPanel";
import { StateChip, StateMeans } from "../ui/StateChip";
import { ENDED, NOTHING_SENT, RUNNING } from "../ui/states";
import { MoneySentence } from "./MoneySentence";
import { TheBatch, useBatchQuery } from "./useBatch";

const Tabs = styled("nav")(({ theme }) => ({
  display: "flex",
  flexWrap: "wrap",
  gap: "0 4px",
  borderBottom: `1px solid ${(theme.vars ?? theme).palette.divider}`,
  marginBottom: 16,
  "& a": {
    padding: "8px 12px",
    textDecoration: "none",
    color: (theme.vars ?? theme).palette.text.primary,
  },
  "& a:hover": { background: (theme.vars ?? theme).palette.action.hover },
  "& a[aria-current]": {
    fontWeight: 650,
    boxShadow: `inset 0 -3px 0 ${(theme.vars ?? theme).palette.primary.main}`,
  },
}));

const route = getRouteApi("/batches/$batchId");

export default function BatchPage(): ReactElement {
  const { batchId } = route.useParams();
  const found = useBatchQuery(batchId);
  const text = useText();
  const batch = found.data as Batch | undefined;
  const { refetch } = found;
  const shown = useMemo(() => (batch ? { batch, again: () => refetch() } : null), [batch, refetch]);
  if (!shown) {
    return (
      <Page title={text("batch.title")}>
        {found.error ? (
          <ProblemPanel error={found.error} retry={() => void refetch()} />
        ) : (
          <Loading />
        )}
      </Page>
    );
  }
  return (
    <Page
      title={shown.batch.filename}
      lead={<Lead batch={shown.batch} />}
      actions={<NextStep batch={shown.batch} />}
    >
      {found.error && (
        <Notice tone="warning" live>
          <T
            id="stale"
            values={{ at: <When at={new Date(found.dataUpdatedAt).toISOString()} /> }}
          />
        </Notice>
      )}
      <MoneySentence batch={shown.batch} />
      {shown.batch.error && (
        <Notice tone="error">
          <b>
            <T id="batch.refused" />
          </b>{" "}
          {shown.batch.error.message}{" "}
          {shown.batch.error.line !== null && (
            <T id="batch.refused.line" values={{ line: shown.batch.error.line }} />
          )}{" "}
          <T id="batch.refused.do" />
        </Notice>
      )}
      {shown.batch.stopped_sources.map((source) => (
        <Notice key={source.source_account_id} tone="error">
          <T
            id="batch.source-stopped"
            values={{
              source: <ShortId id={source.source_account_id} />,
              why: source.reason || source.reason_code,
            }}
          />
        </Notice>
      ))}
      <BatchTabs batch={shown.batch} />
      <TheBatch value={shown}>
        <Outlet />
      </TheBatch>
    </Page>
  );
}

function Lead({ batch }: { batch: Batch }): ReactElement {
  return (
    <Box sx={{ display: "flex", flexWrap: "wrap", gap: "4px 12px", alignItems: "center" }}>
      <StateChip kind="batch" state={batch.status} />
      <span role="status">
        <StateMeans kind="batch" state={batch.status} />
      </span>
      <span>
        <T id="batch.period" values={{ day: <Day date={batch.period} /> }} />
      </span>
      <span>
        <T id="batch.id" values={{ id: <ShortId id={batch.batch_id} /> }} />
      </span>
      {batch.parent_batch_id && (
        <Link to="/batches/$batchId" params={{ batchId: batch.parent_batch_id }}>
          <T id="batch.child-of" />
        </Link>
      )}
    </Box>
  );
}

/** The one thing this person can do next with the batch in this state; nothing where it is being done. */
function NextStep({ batch }: { batch: Batch }): ReactElement | null {
  const { me } = useMe();
  const here = useRouterState({ select: (state) => state.location.pathname.split("/").at(-1) });
  const params = { batchId: batch.batch_id };
  if (batch.status === "ready" && may(me, "approver") && batch.uploaded_by !== me.id) {
    return here === "approval" ? null : (
      <ButtonLink to="/batches/$batchId/approval" params={params}>
        <T id="next.approve" />
      </ButtonLink>
    );
  }
  if (batch.status === "ready" && batch.corrections_offered.length > 0 && may(me, "preparer")) {
    return here === "checks" ? null : (
      <ButtonLink to="/batches/$batchId/checks" params={params}>
        <T id="next.correct" />
      </ButtonLink>
    );
  }
  if (RUNNING.has(batch.status) && batch.payments.held > 0 && may(me, "preparer", "approver")) {
    return here === "payments" ? null : (
      <ButtonLink to="/batches/$batchId/payments" params={params} search={{ status: "held" }}>
        <T id="next.held" values={{ n: batch.payments.held }} />
      </ButtonLink>
    );
  }
  if (RUNNING.has(batch.status)) {
    return here === "live" ? null : (
      <ButtonLink to="/batches/$batchId/live" params={params}>
        <T id="next.watch" />
      </ButtonLink>
    );
  }
  if (ENDED.has(batch.status)) {
    return here === "reports" ? null : (
      <ButtonLink to="/batches/$batchId/reports" params={params}>
        <T id="next.reports" />
      </ButtonLink>
    );
  }
  return null;
}

type Tab = {
  to:
    | ""
    | "/rows"
    | "/checks"
    | "/changes"
    | "/approval"
    | "/live"
    | "/payments"
    | "/failures"
    | "/activity"
    | "/reports";
  word: Id;
  count?: number;
};

function BatchTabs({ batch }: { batch: Batch }): ReactElement {
  const text = useText();
  const approved = !NOTHING_SENT.has(batch.status);
  const failures =
    batch.payments.failed + batch.payments.reversed + batch.payments.held + batch.payments.in_doubt;
  const tabs: Tab[] = [
    { to: "", word: "tab.overview" },
    { to: "/rows", word: "tab.rows", count: batch.rows.total },
    { to: "/checks", word: "tab.checks", count: batch.issues.length },
    { to: "/changes", word: "tab.changes" },
    { to: "/approval", word: "tab.approval" },
    ...(approved
      ? [
          { to: "/live" as const, word: "tab.live" as const },
          { to: "/payments" as const, word: "tab.payments" as const, count: batch.payments.total },
          { to: "/failures" as const, word: "tab.failures" as const, count: failures },
        ]
      : []),
    { to: "/activity", word: "tab.activity" },
    { to: "/reports", word: "tab.reports" },
  ];
  return (
    <Tabs aria-label={text("batch.tabs")} data-keeps-focus>
      {tabs.map((tab) => (
        <Link
          key={tab.to}
          to={`/batches/$batchId${tab.to || "/"}` as "/batches/$batchId"}
          params={{ batchId: batch.batch_id }}
          activeOptions={{ exact: true, includeSearch: false }}
          activeProps={{ "aria-current": "page" }}
        >
          <T id={tab.word} />
          {tab.count !== undefined && tab.count > 0 && <> ({text("number", { n: tab.count })})</>}
        </Link>
      ))}
    </Tabs>
  );
}
