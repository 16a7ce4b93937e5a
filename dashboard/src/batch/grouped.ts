/** Lists grouped by cause (state and code, as the API filters them). It counts rows, not reasons, so the rows are read, a thousand at a time. */
import { api, type Payment, type Row } from "../api/client";
import { cursorOf } from "../api/paging";
import type { Search } from "../ui/search";

const STEP = 1_000;
const STEPS_MOST = 50;

export type Group = {
  key: string;
  status: string;
  code: string;
  reason: string;
  count: number;
  cents: number;
  institutions: Map<string, number>;
  ids: string[];
};
export type Grouped = { groups: Group[]; read: number; total: number };
type Item = {
  status: string;
  reason_code: string;
  reason: string;
  amount_cents: number;
  institution_id: string;
};

/** The address of a group's list. */
export function behind(group: Group): Search {
  return group.code ? { status: group.status, reason_code: group.code } : { status: group.status };
}

/** Largest first. `idOf` names each item in its group. */
export function groupedBy<I extends Item>(items: readonly I[], idOf: (item: I) => string): Group[] {
  const groups = new Map<string, Group>();
  for (const item of items) {
    const key = `${item.status}|${item.reason_code || item.reason}`;
    const group: Group = groups.get(key) ?? {
      key,
      status: item.status,
      code: item.reason_code,
      reason: item.reason,
      count: 0,
      cents: 0,
      institutions: new Map(),
      ids: [],
    };
    group.count += 1;
    group.cents += item.amount_cents;
    group.institutions.set(
      item.institution_id,
      (group.institutions.get(item.institution_id) ?? 0) + 1,
    );
    group.ids.push(idOf(item));
    groups.set(key, group);
  }
  return [...groups.values()].toSorted((a, b) => b.count - a.count);
}

/** The rows of one outcome, grouped; `read` below `total` says that not all could be read. */
export async function rowsByReason(batchId: string, status: string): Promise<Grouped> {
  const rows: Row[] = [];
  for (let page = 1; page <= STEPS_MOST; page += 1) {
    const { data } = await api.GET("/api/v1/batches/{batch_id}/rows", {
      params: {
        path: { batch_id: batchId },
        query: { status, limit: STEP, cursor: cursorOf(page, STEP) },
      },
    });
    rows.push(...(data?.items ?? []));
    if (!data?.next)
      return {
        groups: groupedBy(rows, (row) => row.row_id),
        read: rows.length,
        total: data?.total ?? rows.length,
      };
  }
  return { groups: groupedBy(rows, (row) => row.row_id), read: rows.length, total: Infinity };
}

/** The payments in these states, grouped. */
export async function paymentsByReason(batchId: string, statuses: string): Promise<Grouped> {
  const payments: Payment[] = [];
  let cursor: string | undefined;
  for (let page = 1; page <= STEPS_MOST; page += 1) {
    const { data } = await api.GET("/api/v1/batches/{batch_id}/payments", {
      params: { path: { batch_id: batchId }, query: { status: statuses, limit: STEP, cursor } },
    });
    payments.push(...(data?.items ?? []));
    if (!data?.next)
      return {
        groups: groupedBy(payments, (one) => one.payment_id),
        read: payments.length,
        total: data?.total ?? payments.length,
      };
    cursor = data.next;
  }
  return {
    groups: groupedBy(payments, (one) => one.payment_id),
    read: payments.length,
    total: Infinity,
  };
}

/** The rows that these payments pay. */
export async function rowIdsOf(batchId: string, payments: ReadonlySet<string>): Promise<string[]> {
  const found: string[] = [];
  for (let page = 1; page <= STEPS_MOST * 4; page += 1) {
    const { data } = await api.GET("/api/v1/batches/{batch_id}/rows", {
      params: {
        path: { batch_id: batchId },
        query: { status: "payable", limit: STEP, cursor: cursorOf(page, STEP) },
      },
    });
    for (const row of data?.items ?? [])
      if (row.payment_id && payments.has(row.payment_id)) found.push(row.row_id);
    if (!data?.next) break;
  }
  return found;
}
