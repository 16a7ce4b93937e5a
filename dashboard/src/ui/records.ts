/** Lists that the API describes as plain records; these are the fields this page reads. */
export type Account = { batch_id: string; account: string; pending_cents: number; pending_rows: number; posted_cents: number; posted_rows: number };
export type Entry = { n: number; account: string; layer: "pending" | "posted"; amount_cents: number; rows: number };
export type Journal = { journal_id: string; batch_id: string; payment_id: string; kind: string; amount_cents: number; rows: number; posted_at: string; entries: Entry[] | null };
export type Run = { run_id: string; batch_id: string | null; complete: boolean; pages: number | null; lines: number | null; amount_cents: number | null; begun_at: string; closed_at: string | null;
  requested_by: string; message: string; status: string; break_count: number | null; judged_at: string | null };
export type Break = { break_id: string; batch_id: string; kind: string; subject: string; payment_id: string; provider_payment_id: string; expected: string; found: string;
  opened_at: string; closed_at: string | null; status: "open" | "closed"; age_s: number };

/** The records of a page as what they are here; a field that is missing shows as a dash. */
export function recordsOf<R>(items: readonly unknown[] | undefined): R[] {
  return (items ?? []) as R[];
}
