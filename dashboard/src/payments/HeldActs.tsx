/** The exits of a held payment: one person says how it ends, and another one, an approver, says the same. */
import Button from "@mui/material/Button";
import { useMutation } from "@tanstack/react-query";
import { type ReactElement, useState } from "react";
import { api, type PaymentStory } from "../api/client";
import { may } from "../api/session";
import { T, useText } from "../i18n/i18n";
import { Code, When } from "../ui/figures";
import { Choice, Field, Input } from "../ui/Filters";
import { useMe } from "../ui/me";
import { Card, Notice } from "../ui/page";
import { ProblemPanel } from "../ui/ProblemPanel";

const ACTS = ["look-up", "bind", "close"] as const;
type Act = (typeof ACTS)[number];
type Proposal = NonNullable<PaymentStory["held_proposal"]>;

export function HeldActs({
  payment,
  onDone,
}: {
  payment: PaymentStory;
  onDone: () => void;
}): ReactElement {
  const { me } = useMe();
  const proposal = payment.held_proposal ?? null;
  return (
    <Card title={<T id="held.title" />}>
      <p>
        <T id="held.means" />
      </p>
      {proposal && <Proposed of={proposal} />}
      {may(me, "approver", "preparer") ? (
        <Decide key={proposal?.act} payment={payment} proposal={proposal} onDone={onDone} />
      ) : (
        <Notice tone="neutral">
          <T id="held.others" />
        </Notice>
      )}
    </Card>
  );
}

function Proposed({
  of: { act, reason, by_whom, at, provider_payment_id: provider },
}: {
  of: Proposal;
}): ReactElement {
  const { me } = useMe();
  const waits =
    by_whom === me.id
      ? "held.proposed.own"
      : may(me, "approver")
        ? "held.proposed.yours"
        : "held.proposed.approver";
  return (
    <Notice tone="warning" live>
      <T
        id="held.proposed"
        values={{
          who: by_whom,
          at: <When at={at} />,
          act: (
            <b>
              <T id={`held.${act}`} />
            </b>
          ),
          why: reason,
        }}
      />{" "}
      {provider && <Code>{provider}</Code>} <T id={waits} />
    </Notice>
  );
}

function Decide({
  payment,
  proposal,
  onDone,
}: {
  payment: PaymentStory;
  proposal: Proposal | null;
  onDone: () => void;
}): ReactElement {
  const { me } = useMe();
  const text = useText();
  const [act, setAct] = useState<Act>(proposal?.act ?? "look-up");
  const [reason, setReason] = useState("");
  const [providerId, setProviderId] = useState("");
  const order = useMutation({
    mutationFn: () =>
      api.POST("/api/v1/payments/{payment_id}/held", {
        params: { path: { payment_id: payment.payment_id } },
        body: {
          act,
          reason: reason.trim(),
          provider_payment_id: act === "bind" ? providerId.trim() : "",
        },
      }),
    onSettled: onDone,
  });
  const seconds =
    proposal !== null && proposal.act === act && proposal.by_whom !== me.id && may(me, "approver");
  return (
    <>
      {order.error && <ProblemPanel error={order.error} unsafe />}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (reason.trim() !== "") order.mutate();
        }}
        style={{ display: "grid", gap: 12, justifyItems: "start" }}
      >
        <Field>
          <T id="held.act" />
          <Choice value={act} onChange={(event) => setAct(event.target.value as Act)}>
            {ACTS.map((one) => (
              <option key={one} value={one}>
                {text(`held.${one}`)}
              </option>
            ))}
          </Choice>
        </Field>
        {act === "bind" && (
          <Field>
            <T id="held.provider-id" />
            <Input
              value={providerId}
              maxLength={64}
              required
              onChange={(event) => setProviderId(event.target.value)}
            />
          </Field>
        )}
        <Field>
          <T id="reason.required" />
          <Input
            value={reason}
            maxLength={500}
            required
            onChange={(event) => setReason(event.target.value)}
          />
        </Field>
        <Button
          type="submit"
          variant="contained"
          disabled={order.isPending || reason.trim() === ""}
        >
          <T id={seconds ? "held.confirm" : "held.say"} />
        </Button>
      </form>
    </>
  );
}
