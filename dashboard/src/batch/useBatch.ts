import { keepPreviousData } from "@tanstack/react-query";
import { createContext, use } from "react";
import { type Batch, query } from "../api/client";
import { MOVING } from "../ui/states";

const SOON_MS = 2_500;
const LATER_MS = 30_000;

/** A batch, asked for again while something is going on by itself. */
export function useBatchQuery(batchId: string) {
  return query.useQuery(
    "get",
    "/api/v1/batches/{batch_id}",
    { params: { path: { batch_id: batchId } } },
    {
      refetchInterval: (asked) =>
        asked.state.data && MOVING.has(asked.state.data.status) ? SOON_MS : LATER_MS,
      placeholderData: keepPreviousData,
    },
  );
}

export type Shown = { batch: Batch; again: () => Promise<unknown> };
export const TheBatch = createContext<Shown | null>(null);

/** The batch of the page around. */
export function useBatch(): Shown {
  const shown = use(TheBatch);
  if (!shown) throw new Error("there is no batch around");
  return shown;
}
