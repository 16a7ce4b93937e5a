/** What did not go as approved, grouped by cause; what may be paid again goes through a batch of its own. */
import { useQuery } from "@tanstack/react-query";
import type { ReactElement } from "react";
import { may } from "../api/session";
import { ChildBatch } from "../batch/ChildBatch";
import { behind, paymentsByReason } from "../batch/grouped";
import { useBatch } from "../batch/useBatch";
import { T, useText } from "../i18n/i18n";
import { Code, Count, Money } from "../ui/figures";
import { Link } from "../ui/links";
import { useMe } from "../ui/me";
import { Card, Loading, Notice } from "../ui/page";
import { ProblemPanel } from "../ui/ProblemPanel";
import { StateChip } from "../ui/StateChip";
import { ENDED } from "../ui/states";
import { ListTable } from "../ui/table";

const BAD = "failed,reversed,in_doubt,held,cancelled";
const AGAIN: ReadonlySet<string> = new Set(["failed", "cancelled"]);

export default function FailuresTab(): ReactElement {
  const { batch } = useBatch();
  const { me } = useMe();
  const text = useText();
  const p = batch.payments;
  const found = useQuery({
    queryKey: ["failures", batch.batch_id, p.failed, p.reversed, p.in_doubt, p.held, p.cancelled],
    queryFn: () => paymentsByReason(batch.batch_id, BAD),
  });
  if (found.error) return <ProblemPanel error={found.error} retry={() => void found.refetch()} />;
  if (!found.data) return <Loading />;
  if (found.data.groups.length === 0)
    return (
      <Notice tone={ENDED.has(batch.status) ? "success" : "neutral"}>
        <T id={ENDED.has(batch.status) ? "failures.none" : "failures.none-yet"} />
      </Notice>
    );
  return (
    <Card title={<T id="failures.title" />}>
      <p>
        <T id="failures.means" />
      </p>
      {found.data.read < found.data.total && (
        <Notice tone="warning">
          <T id="checks.part" values={{ n: found.data.read }} />
        </Notice>
      )}
      <ListTable
        label={text("failures.title")}
        rows={found.data.groups}
        id={(group) => group.key}
        columns={[
          {
            key: "state",
            head: <T id="column.status" />,
            cell: (group) => <StateChip kind="payment" state={group.status} />,
          },
          {
            key: "why",
            head: <T id="column.reason" />,
            wide: true,
            cell: (group) => (
              <>
                {group.reason || <T id="failures.no-reason" />}{" "}
                {group.code && <Code>{group.code}</Code>}
              </>
            ),
          },
          {
            key: "n",
            head: <T id="column.payments" />,
            right: true,
            cell: (group) => (
              <Link
                to="/batches/$batchId/payments"
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
            key: "first",
            head: <T id="failures.example" />,
            cell: (group) =>
              group.ids[0] ? (
                <Link to="/payments/$paymentId" params={{ paymentId: group.ids[0] }}>
                  <T id="failures.open" />
                </Link>
              ) : (
                "—"
              ),
          },
          {
            key: "act",
            head: <T id="failures.act" />,
            wide: true,
            cell: (group) =>
              AGAIN.has(group.status) && may(me, "preparer") ? (
                <ChildBatch
                  filter={group.status === "cancelled" ? "cancelled" : "failed"}
                  payments={group.ids}
                  count={group.count}
                  cents={group.cents}
                />
              ) : (
                <T
                  id={
                    AGAIN.has(group.status)
                      ? "failures.preparer"
                      : group.status === "reversed"
                        ? "failures.reversed"
                        : "failures.held"
                  }
                />
              ),
          },
        ]}
      />
    </Card>
  );
}
