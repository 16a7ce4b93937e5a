/** What a search found, as one list of options that lead to a page. */
import type { Found } from "../api/client";
import type { NameKind, NameOf } from "../api/names";
import type { MessageId } from "../i18n/i18n";
import { shortId } from "../ui/format";
import { formatMoney } from "../ui/money";

/** Where an option leads. */
export type Target =
  | { to: "/employees/$personId"; params: { personId: string } }
  | { to: "/payments/$paymentId"; params: { paymentId: string } }
  | { to: "/batches/$batchId"; params: { batchId: string } }
  | {
      to: "/batches/$batchId/rows";
      params: { batchId: string };
      search: { branch: string } | { source: string };
    };

export type Hit = {
  id: string;
  group: MessageId;
  label: string;
  detail: string;
  /** The status of a batch or a payment. */
  status?: { kind: "batch" | "payment"; status: string };
  target: Target;
};

/**
 * Every hit, people first, by their names where they have one. A branch or a source account leads
 * to its rows in its newest batch.
 */
export function hitsOf(found: Found, locale: string, nameOf: NameOf): Hit[] {
  const named = (kind: NameKind, id: string) => nameOf(kind, id) || shortId(id);
  const idBeside = (kind: NameKind, id: string) => (nameOf(kind, id) ? `${shortId(id)} · ` : "");
  return [
    ...found.employees.map((one): Hit => ({
      id: `employee ${one.person_id}`,
      group: "search.employees",
      label: `${one.first_name} ${one.last_name}`.trim() || one.employee_id,
      detail: `${shortId(one.employee_id)} · ${named("branch", one.branch_id)}`,
      target: { to: "/employees/$personId", params: { personId: one.person_id } },
    })),
    ...found.payments.map((one): Hit => ({
      id: `payment ${one.payment_id}`,
      group: "search.payments",
      label: [formatMoney(one.amount_cents, locale), one.name, `****${one.loan_last4}`]
        .filter(Boolean)
        .join(" · "),
      detail: `${shortId(one.payment_id)} ${one.provider_payment_id}`.trim(),
      status: { kind: "payment", status: one.status },
      target: { to: "/payments/$paymentId", params: { paymentId: one.payment_id } },
    })),
    ...found.batches.map((one): Hit => ({
      id: `batch ${one.batch_id}`,
      group: "search.batches",
      label: one.filename,
      detail: `${one.period} · ${shortId(one.batch_id)}`,
      status: { kind: "batch", status: one.status },
      target: { to: "/batches/$batchId", params: { batchId: one.batch_id } },
    })),
    ...found.branches.map((one): Hit => ({
      id: `branch ${one.branch_id}`,
      group: "search.branches",
      label: named("branch", one.branch_id),
      detail: `${idBeside("branch", one.branch_id)}${one.filename}`,
      target: rowsOf(one.batch_id, { branch: one.branch_id }),
    })),
    ...found.sources.map((one): Hit => ({
      id: `source ${one.source_account_id}`,
      group: "search.sources",
      label: named("source", one.source_account_id),
      detail: `${idBeside("source", one.source_account_id)}${one.filename}`,
      target: rowsOf(one.batch_id, { source: one.source_account_id }),
    })),
  ];
}

function rowsOf(batchId: string, search: { branch: string } | { source: string }): Target {
  return { to: "/batches/$batchId/rows", params: { batchId }, search };
}
