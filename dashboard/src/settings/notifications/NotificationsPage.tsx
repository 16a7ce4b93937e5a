/** Where a person is told what: channels, their events, a test, and what was delivered. */
import type { ReactElement } from "react";
import { query } from "../../api/client";
import { T, useText } from "../../i18n/i18n";
import { Card } from "../../ui/Card";
import { Link } from "../../ui/links";
import { Empty } from "../../ui/Loading";
import { Notice } from "../../ui/Notice";
import { Page } from "../../ui/Page";
import { QueryView } from "../../ui/QueryView";
import { ChannelCard } from "./ChannelCard";
import { Deliveries } from "./Deliveries";
import { NewChannel } from "./NewChannel";

export default function NotificationsPage(): ReactElement {
  const text = useText();
  const chosen = query.useQuery("get", "/api/v1/notifications", {});
  const reload = () => void chosen.refetch();
  return (
    <Page
      title={text("notifications.title")}
      lead={<T id="notifications.lead" />}
      actions={
        <Link to="/settings">
          <T id="nav.settings" />
        </Link>
      }
    >
      <QueryView query={chosen}>
        {({ is_on, services, events, items }) => (
          <>
            {!is_on && (
              <Notice tone="warning">
                <T id="notifications.off" />
              </Notice>
            )}
            {items.map((channel) => (
              <ChannelCard
                key={channel.channel_id}
                channel={channel}
                events={events}
                onChanged={reload}
              />
            ))}
            {items.length === 0 && (
              <Card title={<T id="notifications.channels" />}>
                <Empty>
                  <T id="notifications.none" />
                </Empty>
              </Card>
            )}
            {is_on && <NewChannel services={services} events={events} onAdded={reload} />}
          </>
        )}
      </QueryView>
      <Deliveries />
    </Page>
  );
}
