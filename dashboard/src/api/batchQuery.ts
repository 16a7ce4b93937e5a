import { keepPreviousData } from "@tanstack/react-query";
import { query } from "./client";
import { REFRESH_MS } from "./queryClient";
import { CHANGING } from "./statuses";

const CHANGING_MS = 2_500;

/** A batch, read again every few seconds while it changes by itself. */
export function useBatchQuery(batchId: string) {
  return query.useQuery(
    "get",
    "/api/v1/batches/{batch_id}",
    { params: { path: { batch_id: batchId } } },
    {
      refetchInterval: ({ state }) =>
        state.data && CHANGING.has(state.data.status) ? CHANGING_MS : REFRESH_MS,
      placeholderData: keepPreviousData,
    },
  );
}
