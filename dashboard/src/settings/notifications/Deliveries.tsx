import Button from "@mui/material/Button";
import type { ReactElement } from "react";
import { type NotificationDelivery, query } from "../../api/client";
import { T, useText } from "../../i18n/i18n";
import { useAddress } from "../../ui/address";
import { Card } from "../../ui/Card";
import { DateTime } from "../../ui/format";
import { type Column, ListTable } from "../../ui/ListTable";
import { Empty } from "../../ui/Loading";
import { ProblemPanel } from "../../ui/ProblemPanel";
import { QueryView } from "../../ui/QueryView";
import { reasonWords } from "./reasonWords";

const SIZE = 50;

/** What was sent, what waits for another attempt, and what failed and why. */
export function Deliveries(): ReactElement {
  const [{ cursor }, change] = useAddress();
  const deliveries = query.useQuery("get", "/api/v1/notifications/deliveries", {
    params: { query: { limit: SIZE, cursor } },
  });
  const again = query.useMutation("post", "/api/v1/notifications/deliveries/{delivery_id}/again", {
    onSettled: () => void deliveries.refetch(),
  });
  const next = deliveries.data?.next;
  return (
    <Card title={<T id="notifications.deliveries" />}>
      {again.error && <ProblemPanel error={again.error} unsafe />}
      <QueryView query={deliveries}>
        {({ items }) =>
          items.length > 0 ? (
            <DeliveryTable
              deliveries={items}
              busy={again.isPending}
              onAgain={(delivery_id) => again.mutate({ params: { path: { delivery_id } } })}
            />
          ) : (
            <Empty>
              <T id="notifications.deliveries.none" />
            </Empty>
          )
        }
      </QueryView>
      {cursor && (
        <Button onClick={() => change({ cursor: "" })}>
          <T id="tokens.newest" />
        </Button>
      )}
      {next && (
        <Button onClick={() => change({ cursor: next })}>
          <T id="tokens.older" />
        </Button>
      )}
    </Card>
  );
}

type DeliveryTableProps = {
  deliveries: readonly NotificationDelivery[];
  busy: boolean;
  onAgain: (deliveryId: string) => void;
};

function DeliveryTable({ deliveries, busy, onAgain }: DeliveryTableProps): ReactElement {
  const text = useText();
  const state: Column<NotificationDelivery> = {
    header: "notifications.state",
    wide: true,
    cell: (one) => (
      <>
        <State delivery={one} />
        {one.status === "failed" && (
          <Button
            size="small"
            variant="outlined"
            disabled={busy}
            aria-label={text("notifications.again.one", { channel: one.channel })}
            onClick={() => onAgain(one.delivery_id)}
          >
            <T id="notifications.again" />
          </Button>
        )}
      </>
    ),
  };
  return (
    <ListTable
      label={text("notifications.deliveries")}
      rows={deliveries}
      rowId={(one) => one.delivery_id}
      columns={[...COLUMNS, state]}
    />
  );
}

const COLUMNS: readonly Column<NotificationDelivery>[] = [
  { header: "notifications.event", cell: (one) => <T id={`notifications.event.${one.kind}`} /> },
  { header: "notifications.name", cell: (one) => one.channel },
  { header: "notifications.at", cell: (one) => <DateTime at={one.noticed_at} /> },
];

function State({ delivery }: { delivery: NotificationDelivery }): ReactElement {
  const { status, reason, attempts, due_at } = delivery;
  const { id, values } = reasonWords(reason);
  return (
    <>
      <b>
        <T id={`notifications.state.${status}`} />
      </b>
      {reason && status !== "sent" && (
        <>
          {". "}
          <T id={id} values={values} />
        </>
      )}
      {status === "waiting" && attempts > 0 && (
        <>
          {" "}
          <T id="notifications.next" values={{ at: <DateTime at={due_at} />, n: attempts }} />
        </>
      )}{" "}
    </>
  );
}
