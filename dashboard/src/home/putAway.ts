/** Tasks that a person has put away. One whose batch has another status since is shown again. */
import { type BatchLine, query } from "../api/client";

export const PUT_AWAY_PATH = "/api/v1/home/put-away";
/** Nothing waits for anybody in a batch with one of these. */
const OVER = ["completed_with_failures", "rejected"] as const;

export function overStatus(batch: BatchLine): (typeof OVER)[number] | undefined {
  return OVER.find((status) => status === batch.status);
}

/** Says of a batch whether the person has put it away in the status that it has. */
export function usePutAway(): (batch: BatchLine) => boolean {
  const { data } = query.useQuery("get", PUT_AWAY_PATH, {});
  return ({ batch_id: id, status }) =>
    data?.items.some((one) => one.batch_id === id && one.status === status) ?? false;
}
