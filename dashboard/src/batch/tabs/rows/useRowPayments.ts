import { keepPreviousData } from "@tanstack/react-query";
import { type Batch, type Payment, query, type Row } from "../../../api/client";
import { REFRESH_MS } from "../../../api/queryClient";
import { CHANGING, NEVER_APPROVED } from "../../../api/statuses";

const CHANGING_MS = 4_000;
/** The most ids that the API takes at once; a page of rows has no more. */
const IDS_MAX = 100;

/** The payments of some rows by their ids; `undefined` while they are not known. */
export function useRowPayments(
  batch: Batch,
  rows: readonly Row[],
): ReadonlyMap<string, Payment> | undefined {
  const ids = paymentIds(batch, rows);
  const found = query.useQuery(
    "get",
    "/api/v1/batches/{batch_id}/payments",
    {
      params: {
        path: { batch_id: batch.batch_id },
        query: { ids: ids.join(","), limit: IDS_MAX },
      },
    },
    {
      enabled: ids.length > 0,
      placeholderData: keepPreviousData,
      refetchInterval: CHANGING.has(batch.status) ? CHANGING_MS : REFRESH_MS,
    },
  );
  if (ids.length === 0) return NONE;
  return found.data && new Map(found.data.items.map((one) => [one.payment_id, one]));
}

const NONE: ReadonlyMap<string, Payment> = new Map();

/** Ids of the payments of these rows. Before an approval there are ids, but no payments. */
export function paymentIds(batch: Pick<Batch, "status">, rows: readonly Row[]): string[] {
  if (NEVER_APPROVED.has(batch.status)) return [];
  const ids = new Set(rows.flatMap((row) => row.payment_id ?? []));
  return [...ids].toSorted().slice(0, IDS_MAX);
}
