/** How a held payment ends: one person proposes it, and another one, an approver, confirms it. */
import Button from "@mui/material/Button";
import { useMutation } from "@tanstack/react-query";
import { type ReactElement, useState } from "react";
import { api, type HeldProposal, type PaymentDetails } from "../api/client";
import { hasRole } from "../api/session";
import { useSignedIn } from "../api/signedIn";
import { type MessageId, T } from "../i18n/i18n";
import { Card } from "../ui/Card";
import { Field, Input } from "../ui/fields";
import { OptionField } from "../ui/Filters";
import { Code, DateTime } from "../ui/format";
import { FormGrid } from "../ui/layout";
import { Notice } from "../ui/Notice";
import { ProblemPanel } from "../ui/ProblemPanel";

const DECISIONS = ["look-up", "bind", "close", "paid-elsewhere"] as const;
type Decision = (typeof DECISIONS)[number] | "unbind";

type HeldPaymentDecisionProps = { payment: PaymentDetails; onDecided: () => void };

export function HeldPaymentDecision(props: HeldPaymentDecisionProps): ReactElement {
  return (
    <TwoPersonDecision title="held.title" means="held.means" decisions={DECISIONS} {...props} />
  );
}

/** For a pending payment whose provider payment may be the wrong one. */
export function UnbindDecision(props: HeldPaymentDecisionProps): ReactElement {
  return (
    <TwoPersonDecision
      title="held.unbind.title"
      means="held.unbind.means"
      decisions={["unbind"]}
      {...props}
    />
  );
}

/** Whether people linked this pending payment, or the provider does not know its payment. */
export function mayBeUnbound({ status, timeline }: PaymentDetails): boolean {
  return (
    status === "pending" &&
    timeline.some(
      ({ kind, title, evidence }) =>
        (kind === "flag" && title === "not_at_provider") || evidence.startsWith("person: bind/"),
    )
  );
}

type TwoPersonDecisionProps = HeldPaymentDecisionProps & {
  title: MessageId;
  means: MessageId;
  decisions: readonly Decision[];
};

function TwoPersonDecision({ title, means, ...props }: TwoPersonDecisionProps): ReactElement {
  const { me } = useSignedIn();
  const proposal = props.payment.held_proposal ?? null;
  return (
    <Card title={<T id={title} />}>
      <p>
        <T id={means} />
      </p>
      {proposal && <ProposalNotice proposal={proposal} />}
      {hasRole(me, "approver", "preparer") ? (
        <DecisionForm key={proposal?.act} proposal={proposal} {...props} />
      ) : (
        <Notice tone="neutral">
          <T id="held.others" />
        </Notice>
      )}
    </Card>
  );
}

/** What was proposed, by whom and why, and who can confirm it. */
function ProposalNotice({ proposal }: { proposal: HeldProposal }): ReactElement {
  const { me } = useSignedIn();
  const decision = (
    <b>
      <T id={`held.${proposal.act}`} />
    </b>
  );
  const whoConfirms: MessageId =
    proposal.by_whom === me.id
      ? "held.proposed.own"
      : hasRole(me, "approver")
        ? "held.proposed.yours"
        : "held.proposed.approver";
  return (
    <Notice tone="warning" live>
      <T
        id="held.proposed"
        values={{
          who: proposal.by_whom,
          at: <DateTime at={proposal.at} />,
          act: decision,
          why: proposal.reason,
        }}
      />{" "}
      {proposal.provider_payment_id && <Code>{proposal.provider_payment_id}</Code>}{" "}
      <T id={whoConfirms} />
    </Notice>
  );
}

type DecisionFormProps = HeldPaymentDecisionProps & {
  proposal: HeldProposal | null;
  decisions: readonly Decision[];
};

/** Proposes a decision, or confirms the one that another person has proposed. */
function DecisionForm(props: DecisionFormProps): ReactElement {
  const { payment, proposal, decisions, onDecided } = props;
  const { me } = useSignedIn();
  const first = decisions.find((one) => one === proposal?.act) ?? decisions[0] ?? "look-up";
  const [decision, setDecision] = useState<Decision>(first);
  const [reason, setReason] = useState("");
  const [providerId, setProviderId] = useState("");
  const send = useDecide(payment.payment_id, onDecided);
  const trimmed = reason.trim();
  const confirms =
    proposal?.act === decision && proposal.by_whom !== me.id && hasRole(me, "approver");
  return (
    <>
      {send.error && <ProblemPanel error={send.error} unsafe />}
      <FormGrid
        onSubmit={(event) => {
          event.preventDefault();
          if (trimmed !== "") send.mutate({ decision, reason: trimmed, providerId });
        }}
      >
        <OptionField
          label="held.act"
          value={decision}
          options={decisions}
          optionLabel={(one) => `held.${one}`}
          onChange={(chosen) => setDecision(chosen as Decision)}
        />
        {decision === "bind" && (
          <RequiredField
            label="held.provider-id"
            value={providerId}
            maxLength={64}
            onChange={setProviderId}
          />
        )}
        <RequiredField
          label="reason.required"
          value={reason}
          maxLength={500}
          onChange={setReason}
        />
        <Button type="submit" variant="contained" disabled={send.isPending || trimmed === ""}>
          <T id={confirms ? "held.confirm" : "held.propose"} />
        </Button>
      </FormGrid>
    </>
  );
}

type DecisionInput = { decision: Decision; reason: string; providerId: string };

function useDecide(paymentId: string, onDecided: () => void) {
  return useMutation({
    mutationFn: ({ decision, reason, providerId }: DecisionInput) =>
      api.POST("/api/v1/payments/{payment_id}/held", {
        params: { path: { payment_id: paymentId } },
        body: {
          act: decision,
          reason,
          provider_payment_id: decision === "bind" ? providerId.trim() : "",
        },
      }),
    onSettled: onDecided,
  });
}

type RequiredFieldProps = {
  label: MessageId;
  value: string;
  maxLength: number;
  onChange: (value: string) => void;
};

function RequiredField({ label, value, maxLength, onChange }: RequiredFieldProps): ReactElement {
  return (
    <Field>
      <T id={label} />
      <Input
        value={value}
        maxLength={maxLength}
        required
        onChange={(event) => onChange(event.target.value)}
      />
    </Field>
  );
}
