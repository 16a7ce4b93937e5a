/** Batches with only what a test needs. */
import type { Batch, BatchStatus, PaymentCounts } from "../src/api/client";

const NONE: PaymentCounts = {
  total: 0,
  unprocessed: 0,
  sending: 0,
  pending: 0,
  completed: 0,
  failed: 0,
  in_doubt: 0,
  held: 0,
  cancelled: 0,
  reversed: 0,
};

export function batchWith(status: BatchStatus, payments: Partial<PaymentCounts>): Batch {
  return { status, payments: { ...NONE, ...payments } } as Batch;
}
