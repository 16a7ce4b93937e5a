/** How a held payment ends: one person proposes, an approver with no hand in the batch says the same. Nothing is sent by this. */
import Button from "@mui/material/Button";
import { useMutation } from "@tanstack/react-query";
import { type ReactElement, useState } from "react";
import { api, type PaymentStory } from "../api/client";
import { may } from "../api/session";
import { T, useText } from "../i18n/i18n";
import { Choice, Field, Input } from "../ui/Filters";
import { Code, When } from "../ui/figures";
import { useMe } from "../ui/me";
import { Card, Notice } from "../ui/page";
import { ProblemPanel } from "../ui/ProblemPanel";

const ACTS = ["look-up", "bind", "close"] as const;
type Act = (typeof ACTS)[number];

export function HeldActs({ payment, onDone }: { payment: PaymentStory; onDone: () => void }): ReactElement {
  const { me } = useMe();
  const text = useText();
  const proposed = payment.held_proposal;
  const [act, setAct] = useState<Act>(proposed?.act ?? "look-up");
  const [reason, setReason] = useState("");
  const [providerId, setProviderId] = useState("");
  const order = useMutation({
    mutationFn: async () => {
      const { data } = await api.POST("/api/v1/payments/{payment_id}/held", {
        params: { path: { payment_id: payment.payment_id } }, body: { act, reason: reason.trim(), provider_payment_id: act === "bind" ? providerId.trim() : "" },
      });
      return data;
    },
    onSuccess: onDone,
  });
  if (!may(me, "preparer", "approver")) return <Notice tone="warning"><T id="held.others" /></Notice>;
  return (
    <Card title={<T id="held.title" />}>
      <p><T id="held.means" /></p>
      {proposed && <Notice tone="info"><T id="held.proposed" values={{ who: proposed.by_whom, at: <When at={proposed.at} />, act: text(`held.${proposed.act}`), why: proposed.reason }} /> {proposed.provider_payment_id && <Code>{proposed.provider_payment_id}</Code>}</Notice>}
      {order.error && <ProblemPanel error={order.error} unsafe />}
      {order.data && <Notice tone="info" live><T id={`held.answer.${order.data.state}`} /></Notice>}
      <form onSubmit={(event) => { event.preventDefault(); order.mutate(); }} style={{ display: "grid", gap: 12, justifyItems: "start" }}>
        <Field><T id="held.act" /><Choice value={act} onChange={(event) => setAct(event.target.value as Act)}>{ACTS.map((one) => <option key={one} value={one}>{text(`held.${one}`)}</option>)}</Choice></Field>
        {act === "bind" && <Field><T id="held.provider-id" /><Input value={providerId} maxLength={64} required onChange={(event) => setProviderId(event.target.value)} /></Field>}
        <Field><T id="reason.required" /><Input value={reason} maxLength={500} required onChange={(event) => setReason(event.target.value)} /></Field>
        <Button type="submit" variant="contained" disabled={order.isPending || reason.trim() === ""}><T id="held.say" /></Button>
      </form>
    </Card>
  );
}
