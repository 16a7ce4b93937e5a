import { keepPreviousData } from "@tanstack/react-query";
import { query } from "./client";
import { CHANGING } from "./statuses";

const CHANGING_MS = 2_500;
const AT_REST_MS = 30_000;

/** A batch, read again every few seconds while it changes by itself. */
export function useBatchQuery(batchId: string) {
  return query.useQuery(
    "get",
    "/api/v1/batches/{batch_id}",
    { params: { path: { batch_id: batchId } } },
    {
      refetchInterval: ({ state }) =>
        state.data && CHANGING.has(state.data.status) ? CHANGING_MS : AT_REST_MS,
      placeholderData: keepPreviousData,
    },
  );
}
