import Button from "@mui/material/Button";
import type { ReactElement } from "react";
import { api, type NotificationChannel, type NotificationEvent, query } from "../../api/client";
import { T, useText } from "../../i18n/i18n";
import { ActionButton } from "../../ui/ActionButton";
import { Card } from "../../ui/Card";
import { ButtonRow } from "../../ui/layout";
import { Notice } from "../../ui/Notice";
import { ProblemPanel } from "../../ui/ProblemPanel";
import { EventFields } from "./EventFields";
import { reasonWords } from "./reasonWords";

type ChannelCardProps = {
  channel: NotificationChannel;
  events: readonly NotificationEvent[];
  onChanged: () => void;
};

/** A channel: what it is told, a test, and its end. */
export function ChannelCard({ channel, events, onChanged }: ChannelCardProps): ReactElement {
  const { channel_id, name, service, place } = channel;
  const path = { params: { path: { channel_id } } };
  const text = useText();
  const choose = query.useMutation("post", "/api/v1/notifications/channels/{channel_id}/events", {
    onSettled: onChanged,
  });
  const kind = service || text("notifications.webhook");
  return (
    <Card title={name}>
      <p>{place ? text("notifications.channel.to", { kind, place }) : kind}</p>
      {choose.error && <ProblemPanel error={choose.error} unsafe />}
      <EventFields
        events={events}
        chosen={channel.events}
        busy={choose.isPending}
        onChange={(chosen) => choose.mutate({ ...path, body: { events: chosen } })}
      />
      <TestChannel channel={channel} />
      <RemoveChannel channel={channel} onRemoved={onChanged} />
    </Card>
  );
}

/** Sends a test, and says in words what became of it. */
function TestChannel({ channel: { channel_id, name } }: { channel: NotificationChannel }) {
  const text = useText();
  const test = query.useMutation("post", "/api/v1/notifications/channels/{channel_id}/test");
  const sent = test.data?.status === "sent";
  const { id, values } = reasonWords(test.data?.reason ?? "");
  return (
    <>
      <ButtonRow>
        <Button
          variant="outlined"
          disabled={test.isPending}
          aria-label={text("notifications.test.one", { name })}
          onClick={() => test.mutate({ params: { path: { channel_id } } })}
        >
          <T id={test.isPending ? "working" : "notifications.test"} />
        </Button>
      </ButtonRow>
      {test.error && <ProblemPanel error={test.error} unsafe />}
      {test.data && (
        <Notice tone={sent ? "success" : "error"} live>
          {sent ? <T id="notifications.test.sent" /> : <T id={id} values={values} />}
        </Notice>
      )}
    </>
  );
}

type RemoveChannelProps = { channel: NotificationChannel; onRemoved: () => void };

function RemoveChannel({ channel, onRemoved }: RemoveChannelProps): ReactElement {
  const { channel_id, name } = channel;
  const text = useText();
  const params = { path: { channel_id } };
  return (
    <ActionButton
      name={text("notifications.remove")}
      button={{
        size: "small",
        color: "error",
        "aria-label": text("notifications.remove.one", { name }),
      }}
      title={text("notifications.remove.ask", { name })}
      tone="error"
      reason="none"
      send={() => api.DELETE("/api/v1/notifications/channels/{channel_id}", { params })}
      onDone={onRemoved}
    >
      <p>
        <T id="notifications.remove.means" />
      </p>
    </ActionButton>
  );
}
