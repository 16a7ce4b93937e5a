/** The figures of the home page: pay day, current runs, accounts, last periods. Loaded after it. */
import type { ReactElement } from "react";
import type { BatchLine } from "../api/client";
import { RUNNING } from "../api/statuses";
import { AccountsCard } from "./AccountsCard";
import { PayDayCard } from "./PayDayCard";
import { PeriodsCard } from "./PeriodsCard";
import { RunCard } from "./RunCard";
import { Troubles } from "./Troubles";

export default function HomeFigures({ batches }: { batches: readonly BatchLine[] }): ReactElement {
  const running = batches.filter((batch) => RUNNING.has(batch.status));
  return (
    <>
      <Troubles />
      {running.map((batch) => (
        <RunCard key={batch.batch_id} batch={batch} />
      ))}
      <PayDayCard />
      <AccountsCard />
      <PeriodsCard />
    </>
  );
}
