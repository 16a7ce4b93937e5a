/**
 * Rows and payments grouped by cause: by status and reason code, as the API filters them. The API
 * counts rows but not reasons, so the rows themselves are read, a thousand at a time.
 */
import { useQuery, type UseQueryResult } from "@tanstack/react-query";
import { api, type Batch, type Payment, type Row } from "../api/client";
import type { RowStatus } from "../api/statuses";
import type { Search } from "../ui/search";

const READ_SIZE = 1_000;
const READS_MAX = 50;
const ROW_SEARCH_READS_MAX = 200;

export type Group = {
  key: string;
  status: string;
  code: string;
  reason: string;
  count: number;
  cents: number;
  /** How many items each institution has. */
  institutions: Map<string, number>;
  ids: string[];
};
/** `read` is below `total` where there was more than can be read. */
export type Grouped = { groups: Group[]; read: number; total: number };

type Groupable = {
  status: string;
  reason_code: string;
  reason: string;
  amount_cents: number;
  institution_id: string;
};

/** The rows of one outcome, grouped. They are read again when the batch's digest changes. */
export function useGroupedRows(batch: Batch, status: RowStatus): UseQueryResult<Grouped> {
  return useQuery({
    queryKey: ["grouped-rows", batch.batch_id, status, batch.digest],
    queryFn: () => readGroupedRows(batch.batch_id, status),
    staleTime: 60_000,
    refetchInterval: false,
  });
}

/** The payments in some statuses, grouped. They are read again when one of the counts changes. */
export function useGroupedPayments(
  { batch_id: batchId, payments }: Batch,
  statuses: readonly (keyof Batch["payments"])[],
): UseQueryResult<Grouped> {
  return useQuery({
    queryKey: ["grouped-payments", batchId, ...statuses.map((status) => payments[status])],
    queryFn: () => readGroupedPayments(batchId, statuses.join(",")),
    refetchInterval: false,
  });
}

/** The search part of the address of a group's list. */
export function groupSearch({ status, code }: Group): Search {
  return code ? { status, reason_code: code } : { status };
}

/** Items grouped by status and reason, the largest group first. `idOf` gives an item's id. */
export function groupByReason<I extends Groupable>(
  items: readonly I[],
  idOf: (item: I) => string,
): Group[] {
  const groups = new Map<string, Group>();
  for (const item of items) {
    const key = `${item.status}|${item.reason_code || item.reason}`;
    const group = groups.get(key) ?? newGroup(key, item);
    const { institutions } = group;
    group.count += 1;
    group.cents += item.amount_cents;
    institutions.set(item.institution_id, (institutions.get(item.institution_id) ?? 0) + 1);
    group.ids.push(idOf(item));
    groups.set(key, group);
  }
  return [...groups.values()].toSorted((a, b) => b.count - a.count);
}

function newGroup(key: string, { status, reason_code: code, reason }: Groupable): Group {
  return { key, status, code, reason, count: 0, cents: 0, institutions: new Map(), ids: [] };
}

type Page<I> = { items: I[]; next: string | null; total: number };
type ReadPage<I> = (cursor: string | undefined) => Promise<{ data?: Page<I> }>;

/**
 * The items of a list, page by page, up to `readsMax` pages. `total` is Infinity if there are more.
 */
async function readAll<I>(
  readPage: ReadPage<I>,
  readsMax = READS_MAX,
): Promise<{ items: I[]; total: number }> {
  const items: I[] = [];
  let cursor: string | undefined;
  for (let reads = 0; reads < readsMax; reads += 1) {
    const { data } = await readPage(cursor);
    items.push(...(data?.items ?? []));
    if (!data?.next) return { items, total: data?.total ?? items.length };
    cursor = data.next;
  }
  return { items, total: Infinity };
}

function readRows(batchId: string, status: RowStatus): ReadPage<Row> {
  return (cursor) =>
    api.GET("/api/v1/batches/{batch_id}/rows", {
      params: { path: { batch_id: batchId }, query: { status, limit: READ_SIZE, cursor } },
    });
}

async function readGroupedRows(batchId: string, status: RowStatus): Promise<Grouped> {
  const { items, total } = await readAll(readRows(batchId, status));
  return { groups: groupByReason(items, (row) => row.row_id), read: items.length, total };
}

async function readGroupedPayments(batchId: string, statuses: string): Promise<Grouped> {
  const { items, total } = await readAll<Payment>((cursor) =>
    api.GET("/api/v1/batches/{batch_id}/payments", {
      params: {
        path: { batch_id: batchId },
        query: { status: statuses, limit: READ_SIZE, cursor },
      },
    }),
  );
  return { groups: groupByReason(items, (one) => one.payment_id), read: items.length, total };
}

/** The ids of the rows that these payments pay. */
export async function rowIdsOfPayments(
  batchId: string,
  paymentIds: ReadonlySet<string>,
): Promise<string[]> {
  const { items } = await readAll(readRows(batchId, "payable"), ROW_SEARCH_READS_MAX);
  return items
    .filter((row) => row.payment_id && paymentIds.has(row.payment_id))
    .map((row) => row.row_id);
}
