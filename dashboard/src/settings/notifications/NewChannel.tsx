import Button from "@mui/material/Button";
import { type ReactElement, useState } from "react";
import { type MessageService, type NotificationEvent, query } from "../../api/client";
import { hasRole } from "../../api/session";
import { useSignedIn } from "../../api/signedIn";
import { T, useLanguage, useText } from "../../i18n/i18n";
import { Card } from "../../ui/Card";
import { Field, Input, Select } from "../../ui/fields";
import { Code } from "../../ui/format";
import { FormGrid } from "../../ui/layout";
import { Empty } from "../../ui/Loading";
import { Notice } from "../../ui/Notice";
import { ProblemPanel } from "../../ui/ProblemPanel";
import { EventFields } from "./EventFields";

const WEBHOOK = "";
const FIRST_CHOICE: NotificationEvent[] = ["approval_waiting", "finished", "failures"];

type NewChannelProps = {
  services: readonly MessageService[];
  events: readonly NotificationEvent[];
  onAdded: () => void;
};

/** Adds a channel. The secret of a webhook is shown once. */
export function NewChannel({ services, events, onAdded }: NewChannelProps): ReactElement {
  const { me } = useSignedIn();
  const mayWebhook = hasRole(me, "admin");
  const add = query.useMutation("post", "/api/v1/notifications/channels", {
    gcTime: 0, // the secret does not stay in the cache
    onSettled: onAdded,
  });
  if (add.data?.secret) return <WebhookSecret secret={add.data.secret} onStored={add.reset} />;
  return (
    <Card title={<T id="notifications.add" />}>
      {add.error && <ProblemPanel error={add.error} unsafe />}
      {services.length === 0 && !mayWebhook ? (
        <Empty>
          <T id="notifications.no-services" />
        </Empty>
      ) : (
        <NewChannelForm
          services={services}
          events={events}
          mayWebhook={mayWebhook}
          busy={add.isPending}
          onAdd={(body) => add.mutate({ body })}
        />
      )}
    </Card>
  );
}

type ChannelOrder = {
  name: string;
  service: string;
  address: string;
  language: "en" | "es";
  events: NotificationEvent[];
};
type FormProps = Omit<NewChannelProps, "onAdded"> & {
  mayWebhook: boolean;
  busy: boolean;
  onAdd: (order: ChannelOrder) => void;
};

function NewChannelForm(props: FormProps): ReactElement {
  const { services, events, mayWebhook, busy, onAdd } = props;
  const { locale } = useLanguage();
  const text = useText();
  const [service, setService] = useState(services[0]?.name ?? WEBHOOK);
  const [name, setName] = useState("");
  const [address, setAddress] = useState("");
  const [chosen, setChosen] = useState(FIRST_CHOICE);
  const isWebhook = service === WEBHOOK;
  const needsAddress =
    isWebhook || services.some((one) => one.name === service && one.needs_address);
  const complete = name.trim() !== "" && (!needsAddress || address.trim() !== "");
  const order: ChannelOrder = {
    name: name.trim(),
    service,
    address: needsAddress ? address.trim() : "",
    language: locale === "es-US" ? "es" : "en",
    events: chosen,
  };
  return (
    <FormGrid
      onSubmit={(event) => {
        event.preventDefault();
        if (complete && !busy) onAdd(order);
      }}
    >
      <Field>
        <T id="notifications.by" />
        <Select value={service} onChange={(event) => setService(event.target.value)}>
          {services.map((one) => (
            <option key={one.name} value={one.name}>
              {one.name}
            </option>
          ))}
          {mayWebhook && <option value={WEBHOOK}>{text("notifications.webhook")}</option>}
        </Select>
      </Field>
      <Field>
        <T id="notifications.name" />
        <Input
          value={name}
          maxLength={60}
          required
          onChange={(event) => setName(event.target.value)}
        />
      </Field>
      {needsAddress && <AddressField isWebhook={isWebhook} value={address} onChange={setAddress} />}
      <EventFields events={events} chosen={chosen} onChange={setChosen} />
      <Button type="submit" variant="contained" disabled={!complete || busy}>
        {text(busy ? "working" : "notifications.add")}
      </Button>
    </FormGrid>
  );
}

type AddressFieldProps = { isWebhook: boolean; value: string; onChange: (value: string) => void };

function AddressField({ isWebhook, value, onChange }: AddressFieldProps): ReactElement {
  return (
    <Field>
      <T id={isWebhook ? "notifications.url" : "notifications.email"} />
      <Input
        type={isWebhook ? "url" : "email"}
        value={value}
        maxLength={500}
        required
        onChange={(event) => onChange(event.target.value)}
      />
    </Field>
  );
}

function WebhookSecret({ secret, onStored }: { secret: string; onStored: () => void }) {
  return (
    <Card title={<T id="notifications.secret" />}>
      <Notice tone="warning" live>
        <T id="notifications.secret.once" />
      </Notice>
      <p style={{ overflowWrap: "anywhere" }}>
        <Code>{secret}</Code>
      </p>
      <Button variant="contained" onClick={onStored}>
        <T id="tokens.stored" />
      </Button>
    </Card>
  );
}
