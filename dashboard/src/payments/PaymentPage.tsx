/** One payment explained: from its row in the file to the bank's trace ids and the ledger. */
import Box from "@mui/material/Box";
import { styled } from "@mui/material/styles";
import { getRouteApi } from "@tanstack/react-router";
import type { ReactElement } from "react";
import { type PaymentStory, query } from "../api/client";
import { type Id, isId, T, useText } from "../i18n/i18n";
import { Code, Money, ShortId, shortId, When } from "../ui/figures";
import { Icon, type IconName } from "../ui/icons";
import { Link } from "../ui/links";
import { Card, Facts, Loading, Notice, Page } from "../ui/page";
import { ProblemPanel } from "../ui/ProblemPanel";
import { StateChip, StateMeans } from "../ui/StateChip";
import { HeldActs } from "./HeldActs";

const route = getRouteApi("/payments/$paymentId");
const MOVES = new Set(["unprocessed", "sending", "pending", "in_doubt", "held"]); // held too: what two people decide comes here a moment later
const ICONS: Readonly<Record<string, IconName>> = {
  upload: "arrow-down",
  check: "check",
  row: "box",
  issue: "triangle",
  approval: "hand",
  journal: "copy",
  status: "arrow-right",
  attempt: "arrow-right",
  webhook: "dots",
  flag: "question",
  certificate: "check-circle",
};

const Line = styled("ol")(({ theme }) => ({
  listStyle: "none",
  margin: 0,
  padding: 0,
  "& > li": {
    display: "grid",
    gridTemplateColumns: "28px minmax(0, 1fr)",
    gap: 8,
    paddingBottom: 16,
    position: "relative",
  },
  "& > li:not(:last-child)::before": {
    content: '""',
    position: "absolute",
    left: 11,
    top: 24,
    bottom: 0,
    width: 2,
    background: (theme.vars ?? theme).palette.divider,
  },
}));

export default function PaymentPage(): ReactElement {
  const { paymentId } = route.useParams();
  const text = useText();
  const found = query.useQuery(
    "get",
    "/api/v1/payments/{payment_id}",
    { params: { path: { payment_id: paymentId } } },
    {
      refetchInterval: (asked) =>
        asked.state.data && MOVES.has(asked.state.data.status) ? 3_000 : false,
    },
  );
  const payment = found.data;
  const title = text("payment.title", { id: shortId(paymentId) });
  if (!payment)
    return (
      <Page title={title}>
        {found.error ? (
          <ProblemPanel error={found.error} retry={() => void found.refetch()} />
        ) : (
          <Loading />
        )}
      </Page>
    );
  return (
    <Page
      title={title}
      lead={
        <Box sx={{ display: "flex", flexWrap: "wrap", gap: "4px 12px", alignItems: "center" }}>
          <StateChip kind="payment" state={payment.status} />{" "}
          <b>
            <Money cents={payment.amount_cents} />
          </b>{" "}
          <span role="status">
            <StateMeans kind="payment" state={payment.status} />
          </span>
          <Link to="/batches/$batchId" params={{ batchId: payment.batch_id }}>
            <T id="payment.batch" />
          </Link>
        </Box>
      }
    >
      {found.error && (
        <Notice tone="warning" live>
          <T
            id="stale"
            values={{ at: <When at={new Date(found.dataUpdatedAt).toISOString()} /> }}
          />
        </Notice>
      )}
      {payment.return_under_way && (
        <Notice tone="warning">
          <T id="payment.return" />
        </Notice>
      )}
      {payment.reason && (
        <Notice tone="warning">
          {payment.reason} <Code>{payment.reason_code}</Code>
        </Notice>
      )}
      {payment.status === "held" && (
        <HeldActs payment={payment} onDone={() => void found.refetch()} />
      )}
      <About payment={payment} />
      <Card title={<T id="payment.story" />}>
        <Line>
          {payment.timeline.map((entry, n) => (
            // oxlint-disable-next-line react/no-array-index-key -- the story only grows at its end
            <li key={`${entry.at}${entry.kind}${n}`}>
              <Box sx={{ pt: "2px" }}>
                <Icon name={ICONS[entry.kind] ?? "info"} />
              </Box>
              <div>
                <b>{entry.title}</b>{" "}
                <Box component="span" sx={{ color: "text.secondary" }}>
                  <Kind kind={entry.kind} /> · <When at={entry.at} />
                </Box>
                {entry.detail && <Box sx={{ overflowWrap: "anywhere" }}>{entry.detail}</Box>}
                {entry.evidence && (
                  <Box sx={{ color: "text.secondary", overflowWrap: "anywhere" }}>
                    <Code>{entry.evidence}</Code>
                  </Box>
                )}
              </div>
            </li>
          ))}
        </Line>
      </Card>
    </Page>
  );
}

function Kind({ kind }: { kind: string }): ReactElement {
  const id = `kind.${kind}`;
  return isId(id) ? <T id={id} /> : <>{kind}</>;
}

function About({ payment }: { payment: PaymentStory }): ReactElement {
  const facts: (readonly [Id, ReactElement | string])[] = [
    [
      "payment.rows",
      <span key="r">
        {payment.rows.map((row) => (
          <span key={row}>
            <Link
              to="/batches/$batchId/rows"
              params={{ batchId: payment.batch_id }}
              search={{ q: String(row) }}
            >
              {row}
            </Link>{" "}
          </span>
        ))}
      </span>,
    ],
    ["column.employee-id", <ShortId key="e" id={payment.employee_id} />],
    ["column.loan", `****${payment.loan_last4} · ${payment.institution_id}`],
    ["column.source", <ShortId key="s" id={payment.source_account_id} />],
    ["column.provider-status", payment.provider_status ?? "—"],
    [
      "column.provider-id",
      payment.provider_payment_id ? (
        <Code key="p">{payment.provider_payment_id}</Code>
      ) : (
        <T key="n" id="payment.no-provider-id" />
      ),
    ],
    ["column.attempts", String(payment.attempts)],
    [
      "payment.journals",
      <Link key="j" to="/ledger/journals" search={{ payment_id: payment.payment_id }}>
        <T id="payment.journals.open" />
      </Link>,
    ],
  ];
  return (
    <Card>
      <Facts of={facts} />
    </Card>
  );
}
