import type { ReactElement } from "react";
import { query, type Tier } from "../api/client";
import { T, useText } from "../i18n/i18n";
import { Card } from "../ui/Card";
import { Count, Duration } from "../ui/format";
import { type Column, ListTable } from "../ui/ListTable";
import { Empty } from "../ui/Loading";
import { ProblemPanel } from "../ui/ProblemPanel";
import { Word } from "../ui/Word";

/**
 * How many calls a minute the provider takes, for each kind of call, and when the next one is free.
 */
export function ProviderLimit(): ReactElement {
  const text = useText();
  const limiter = query.useQuery("get", "/api/v1/ops/limiter", {}, { refetchInterval: 5_000 });
  const tiers = limiter.data?.tiers ?? [];
  return (
    <Card title={<T id="limiter.title" />}>
      <p>
        <T id="limiter.means" />
      </p>
      {limiter.error && <ProblemPanel error={limiter.error} retry={() => void limiter.refetch()} />}
      {limiter.data && tiers.length === 0 && (
        <Empty>
          <T id="limiter.none" />
        </Empty>
      )}
      {tiers.length > 0 && (
        <ListTable
          label={text("limiter.title")}
          rows={tiers}
          rowId={(tier) => tier.tier}
          columns={COLUMNS}
        />
      )}
    </Card>
  );
}

const FREE_SECONDS = 0.05;
const COLUMNS: readonly Column<Tier>[] = [
  { header: "limiter.tier", cell: ({ tier }) => <Word prefix="tier" code={tier} /> },
  { header: "limiter.rate", numeric: true, cell: (tier) => <Count value={tier.per_min} /> },
  {
    header: "limiter.busy",
    numeric: true,
    cell: ({ busy_s: seconds }) =>
      seconds > FREE_SECONDS ? <Duration seconds={Math.ceil(seconds)} /> : <T id="limiter.free" />,
  },
  {
    header: "limiter.closed",
    numeric: true,
    cell: ({ closed_s: seconds }) =>
      seconds > 0 ? <Duration seconds={seconds} /> : <T id="limiter.open" />,
  },
];
