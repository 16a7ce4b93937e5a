/** The batch that the page shows, for its tabs. */
import { createContext, use } from "react";
import type { Batch } from "../api/client";

export type ShownBatch = {
  batch: Batch;
  /** Read the batch again. */
  reload: () => Promise<unknown>;
};
export const BatchContext = createContext<ShownBatch | null>(null);

/** The batch of the page around this component. */
export function useBatch(): ShownBatch {
  const shown = use(BatchContext);
  if (!shown) throw new Error("this component is used outside a batch's page");
  return shown;
}
