/** A batch: whether money went out, the next step, and its tabs. */
import { getRouteApi, Outlet } from "@tanstack/react-router";
import { type ReactElement, useMemo } from "react";
import { useBatchQuery } from "../api/batchQuery";
import type { Batch } from "../api/client";
import { ApiText } from "../i18n/ApiText";
import { T, useText } from "../i18n/i18n";
import { PlainDate, ShortId } from "../ui/format";
import { NamedId } from "../ui/NamedId";
import { LeadRow } from "../ui/layout";
import { Link } from "../ui/links";
import { Notice } from "../ui/Notice";
import { OutdatedNotice } from "../ui/OutdatedNotice";
import { Page } from "../ui/Page";
import { QueryView } from "../ui/QueryView";
import { RefusedFileNotice } from "../ui/RefusedFileNotice";
import { StatusChip, StatusMeaning } from "../ui/StatusChip";
import { ApprovalRequestNotice } from "./ApprovalRequestNotice";
import { BatchContext } from "./BatchContext";
import { BatchTabs } from "./BatchTabs";
import { ChildBatches } from "./ChildBatches";
import { DispatcherAway } from "./DispatcherAway";
import { FiguresAge } from "./FiguresAge";
import { MoneySentence } from "./MoneySentence";
import { NextStep } from "./NextStep";
import { PeriodChoice } from "./PeriodChoice";
import { RefusedByProvider } from "./RefusedByProvider";

const route = getRouteApi("/batches/$batchId");

export default function BatchPage(): ReactElement {
  const { batchId } = route.useParams();
  const found = useBatchQuery(batchId);
  const { data: batch, refetch } = found;
  const text = useText();
  const shown = useMemo(
    () => (batch ? { batch, reload: () => refetch() } : null),
    [batch, refetch],
  );
  if (!batch)
    return (
      <Page title={text("batch.title")}>
        <QueryView query={found}>{() => null}</QueryView>
      </Page>
    );
  return (
    <Page title={batch.filename} lead={<Lead batch={batch} />} actions={<NextStep batch={batch} />}>
      {found.error && <OutdatedNotice updatedAt={found.dataUpdatedAt} />}
      {!batch.dispatcher_answers && <DispatcherAway />}
      <MoneySentence batch={batch} />
      <FiguresAge batch={batch} />
      {batch.error && <RefusedFileNotice error={batch.error} />}
      <ApprovalRequestNotice batch={batch} onAnswered={() => void refetch()} />
      <PeriodChoice batch={batch} onChosen={() => void refetch()} />
      <StoppedSources batch={batch} />
      <RefusedByProvider batch={batch} onRetried={() => void refetch()} />
      <ChildBatches batch={batch} />
      <BatchTabs batch={batch} />
      <BatchContext value={shown}>
        <Outlet />
      </BatchContext>
    </Page>
  );
}

function Lead({ batch }: { batch: Batch }): ReactElement {
  return (
    <LeadRow>
      <StatusChip kind="batch" status={batch.status} />
      <span role="status">
        <StatusMeaning kind="batch" status={batch.status} />
      </span>
      <span>
        <T id="batch.period" values={{ day: <PlainDate date={batch.period} /> }} />
      </span>
      <span>
        <T id="batch.id" values={{ id: <ShortId id={batch.batch_id} /> }} />
      </span>
      {batch.parent_batch_id && (
        <Link to="/batches/$batchId" params={{ batchId: batch.parent_batch_id }}>
          <T id="batch.child-of" />
        </Link>
      )}
    </LeadRow>
  );
}

/** Accounts from which nothing is paid until an approver resumes the batch, and why. */
function StoppedSources({ batch }: { batch: Batch }): ReactElement[] {
  return batch.stopped_sources.map((source) => (
    <Notice key={source.source_account_id} tone="error">
      <T
        id="batch.source-stopped"
        values={{
          source: <NamedId kind="source" id={source.source_account_id} />,
          why: (
            <ApiText
              text={source.reason || source.reason_code}
              kind="reasons"
              code={source.reason_code}
            />
          ),
        }}
      />
    </Notice>
  ));
}
