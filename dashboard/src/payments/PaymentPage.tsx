/** One payment: from its row in the file to the bank's trace ids and the ledger. */
import { getRouteApi } from "@tanstack/react-router";
import type { ReactElement } from "react";
import { type PaymentDetails, query } from "../api/client";
import { REFRESH_MS } from "../api/queryClient";
import { ApiText } from "../i18n/ApiText";
import { T, useText } from "../i18n/i18n";
import { Code, Money, shortId } from "../ui/format";
import { LeadRow } from "../ui/layout";
import { Link } from "../ui/links";
import { Notice } from "../ui/Notice";
import { OutdatedNotice } from "../ui/OutdatedNotice";
import { Page } from "../ui/Page";
import { QueryView } from "../ui/QueryView";
import { StatusChip, StatusMeaning } from "../ui/StatusChip";
import { DuplicateDecisions } from "./DuplicateDecisions";
import { HeldPaymentDecision, mayBeUnbound, UnbindDecision } from "./HeldPaymentDecision";
import { PaymentEvidence } from "./PaymentEvidence";
import { PaymentFacts } from "./PaymentFacts";
import { PaymentTimeline } from "./PaymentTimeline";

const route = getRouteApi("/payments/$paymentId");
/** Not ended. A held payment changes too, a moment after two people have decided. */
const CHANGING = new Set(["unprocessed", "sending", "pending", "in_doubt", "held"]);
const CHANGING_MS = 3_000;
/** Why a payment was cancelled that did not go out by us. */
const PAID_ELSEWHERE = "paid_by_other_means";

export default function PaymentPage(): ReactElement {
  const { paymentId } = route.useParams();
  const text = useText();
  const found = query.useQuery(
    "get",
    "/api/v1/payments/{payment_id}",
    { params: { path: { payment_id: paymentId } } },
    {
      refetchInterval: ({ state }) =>
        state.data && CHANGING.has(state.data.status) ? CHANGING_MS : REFRESH_MS,
    },
  );
  const { data: payment } = found;
  const title = text("payment.title", { id: shortId(paymentId) });
  if (!payment)
    return (
      <Page title={title}>
        <QueryView query={found}>{() => null}</QueryView>
      </Page>
    );
  return (
    <Page title={titleOf(payment, title)} lead={<Lead payment={payment} />}>
      {found.error && <OutdatedNotice updatedAt={found.dataUpdatedAt} />}
      <Warnings payment={payment} />
      <DuplicateDecisions
        duplicates={payment.duplicates ?? []}
        onDecided={() => void found.refetch()}
      />
      {payment.status === "held" && (
        <HeldPaymentDecision payment={payment} onDecided={() => void found.refetch()} />
      )}
      {mayBeUnbound(payment) && (
        <UnbindDecision payment={payment} onDecided={() => void found.refetch()} />
      )}
      <PaymentFacts payment={payment} />
      <PaymentEvidence paymentId={payment.payment_id} />
      <PaymentTimeline entries={payment.timeline} />
    </Page>
  );
}

/** The person who is paid for, and the payment's id where the name is not here yet. */
function titleOf({ first_name: first, last_name: last }: PaymentDetails, title: string): string {
  const name = `${first} ${last}`.trim();
  return name ? `${name} · ${title}` : title;
}

function Lead({ payment }: { payment: PaymentDetails }): ReactElement {
  return (
    <LeadRow>
      <StatusChip kind="payment" status={payment.status} />{" "}
      <b>
        <Money cents={payment.amount_cents} />
      </b>{" "}
      <span role="status">
        {payment.status === "cancelled" && payment.reason_code === PAID_ELSEWHERE ? (
          <T id="payment.paid-elsewhere" />
        ) : (
          <StatusMeaning kind="payment" status={payment.status} />
        )}
      </span>
      <Link to="/batches/$batchId" params={{ batchId: payment.batch_id }}>
        <T id="payment.batch" />
      </Link>
    </LeadRow>
  );
}

function Warnings({ payment }: { payment: PaymentDetails }): ReactElement {
  return (
    <>
      {payment.return_under_way && (
        <Notice tone="warning">
          <T id="payment.return" />
        </Notice>
      )}
      {payment.reason && (
        <Notice tone="warning">
          <ApiText text={payment.reason} kind="reasons" code={payment.reason_code} />{" "}
          <Code>{payment.reason_code}</Code>
        </Notice>
      )}
    </>
  );
}
