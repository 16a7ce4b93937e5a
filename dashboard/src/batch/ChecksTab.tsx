/** What will not be paid and why, what can be corrected here, and the warnings. */
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import { useQuery } from "@tanstack/react-query";
import { lazy, type ReactElement, Suspense, useState } from "react";
import { query } from "../api/client";
import { may } from "../api/session";
import { T, useText } from "../i18n/i18n";
import { Code, Count, Money, ShortId, When } from "../ui/figures";
import { Link } from "../ui/links";
import { useMe } from "../ui/me";
import { Card, Empty, Loading, Notice } from "../ui/page";
import { ProblemPanel } from "../ui/ProblemPanel";
import { ListTable } from "../ui/table";
import { NOTHING_SENT } from "../ui/states";
import { ChildBatch } from "./ChildBatch";
import { behind, rowsByReason } from "./grouped";
import { Issues } from "./Issues";
import { useBatch } from "./useBatch";

const ReasonDialog = lazy(() => import("../ui/ReasonDialog"));
const OUT = ["unpayable", "refused", "excluded"] as const;
const MOST_INSTITUTIONS = 5;

export default function ChecksTab(): ReactElement {
  const { batch } = useBatch();
  return (
    <>
      <Corrections />
      {OUT.filter((status) => batch.rows[status] > 0).map((status) => (
        <NotPaid key={status} status={status} />
      ))}
      {OUT.every((status) => batch.rows[status] === 0) && batch.rows.total > 0 && (
        <Notice tone="success">
          <T id="checks.all-payable" />
        </Notice>
      )}
      <Issues />
    </>
  );
}

function NotPaid({ status }: { status: (typeof OUT)[number] }): ReactElement {
  const { batch } = useBatch();
  const { me } = useMe();
  const text = useText();
  const found = useQuery({
    queryKey: ["rows-by-reason", batch.batch_id, status, batch.digest],
    queryFn: () => rowsByReason(batch.batch_id, status),
    staleTime: 60_000,
  });
  const approved = !NOTHING_SENT.has(batch.status);
  return (
    <Card
      title={
        <T
          id={`checks.${status}`}
          values={{ n: batch.rows[status], money: <Money cents={batch.amount_cents[status]} /> }}
        />
      }
      actions={
        status === "unpayable" &&
        approved &&
        may(me, "preparer") && (
          <ChildBatch
            filter="unpayable"
            count={batch.rows.unpayable}
            cents={batch.amount_cents.unpayable}
          />
        )
      }
    >
      <p>
        <T id={`checks.${status}.means`} />
      </p>
      {found.error && <ProblemPanel error={found.error} retry={() => void found.refetch()} />}
      {found.isPending && <Loading />}
      {found.data && found.data.read < found.data.total && (
        <Notice tone="warning">
          <T id="checks.part" values={{ n: found.data.read }} />
        </Notice>
      )}
      {found.data && (
        <ListTable
          label={text(`checks.${status}.table`)}
          rows={found.data.groups}
          id={(group) => group.key}
          columns={[
            {
              key: "why",
              head: <T id="column.reason" />,
              wide: true,
              cell: (group) => (
                <>
                  {group.reason || "—"}{" "}
                  <Box component="span" sx={{ color: "text.secondary" }}>
                    <Code>{group.code}</Code>
                  </Box>
                </>
              ),
            },
            {
              key: "n",
              head: <T id="column.rows" />,
              right: true,
              cell: (group) => (
                <Link
                  to="/batches/$batchId/rows"
                  params={{ batchId: batch.batch_id }}
                  search={behind(group)}
                >
                  <Count of={group.count} />
                </Link>
              ),
            },
            {
              key: "money",
              head: <T id="column.amount" />,
              right: true,
              cell: (group) => <Money cents={group.cents} />,
            },
            {
              key: "where",
              head: <T id="column.institution" />,
              wide: true,
              cell: (group) => (
                <Box sx={{ display: "flex", flexWrap: "wrap", gap: 1 }}>
                  {[...group.institutions]
                    .toSorted((a, b) => b[1] - a[1])
                    .slice(0, MOST_INSTITUTIONS)
                    .map(([institution, n]) => (
                      <Link
                        key={institution}
                        to="/batches/$batchId/rows"
                        params={{ batchId: batch.batch_id }}
                        search={institution ? { ...behind(group), institution } : behind(group)}
                      >
                        {institution || "—"} ({n})
                      </Link>
                    ))}
                  {group.institutions.size > MOST_INSTITUTIONS && (
                    <Link
                      to="/batches/$batchId/rows"
                      params={{ batchId: batch.batch_id }}
                      search={behind(group)}
                    >
                      <T
                        id="checks.more"
                        values={{ n: group.institutions.size - MOST_INSTITUTIONS }}
                      />
                    </Link>
                  )}
                </Box>
              ),
            },
          ]}
        />
      )}
    </Card>
  );
}

/** Corrections the system offers; taking them has the batch checked again. */
function Corrections(): ReactElement | null {
  const { batch, again } = useBatch();
  const { me } = useMe();
  const text = useText();
  const [asking, setAsking] = useState(false);
  const take = query.useMutation("post", "/api/v1/batches/{batch_id}/corrections", {
    onSuccess: () => {
      setAsking(false);
      void again();
    },
  });
  const offered = batch.corrections_offered;
  const made = batch.corrections;
  if (offered.length === 0 && made.length === 0) return null;
  const rows = offered.length > 0 ? offered : made;
  return (
    <Card
      title={
        <T
          id={offered.length > 0 ? "corrections.offered" : "corrections.made"}
          values={{ n: rows.length }}
        />
      }
      actions={
        offered.length > 0 &&
        may(me, "preparer") && (
          <Button variant="contained" onClick={() => setAsking(true)}>
            <T id="corrections.accept" values={{ n: offered.length }} />
          </Button>
        )
      }
    >
      <p>
        <T id={offered.length > 0 ? "corrections.offered.means" : "corrections.made.means"} />
      </p>
      {offered.length > 0 && !may(me, "preparer") && (
        <p>
          <T id="corrections.preparer" />
        </p>
      )}
      <ListTable
        label={text("corrections.table")}
        rows={rows as typeof made}
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
          ...(offered.length > 0
            ? []
            : [
                {
                  key: "by",
                  head: <T id="column.by" />,
                  cell: (c: (typeof made)[number]) => (
                    <>
                      {c.by} <When at={c.at} />
                    </>
                  ),
                },
              ]),
        ]}
      />
      {asking && (
        <Suspense fallback={null}>
          <ReasonDialog
            title={text("corrections.ask", { n: offered.length })}
            act={text("corrections.accept", { n: offered.length })}
            reason="none"
            busy={take.isPending}
            error={take.error}
            onClose={() => setAsking(false)}
            onAct={() =>
              take.mutate({
                params: { path: { batch_id: batch.batch_id } },
                body: { corrections: offered },
              })
            }
          >
            <p>
              <T id="corrections.ask.means" />
            </p>
          </ReasonDialog>
        </Suspense>
      )}
      {made.length === 0 && offered.length === 0 && (
        <Empty>
          <T id="corrections.none" />
        </Empty>
      )}
    </Card>
  );
}
