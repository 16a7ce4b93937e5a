/** As of when the figures of a page are, and which part of the system stands behind. */
import { query } from "./client";
import type { components } from "./gateway";

type Answer = components["schemas"]["Freshness"];
/** A part of the way of the events, and since when it stands behind; null: not known. */
export type PartBehind = components["schemas"]["PartBehind"];
export type FiguresService = "ingest" | "dispatcher" | "ledger" | "reports";
/** The services whose figures a batch and its payments are made of. */
export const BATCH_FIGURES = ["ingest", "dispatcher", "reports"] as const;
export type Freshness = {
  /** Milliseconds since 1970; null if it is not known. */
  asOf: number | null;
  /** The parts that have stood behind for more than 30 s. */
  behind: PartBehind[];
};

const ASK_MS = 10_000;
/** Younger figures need no word. */
export const LATELY_MS = 30_000;

/** As of when the figures of these services are; undefined while it is asked for the first time. */
export function useFreshness(services: readonly FiguresService[]): Freshness | undefined {
  const { data, error, dataUpdatedAt } = query.useQuery(
    "get",
    "/api/v1/freshness",
    {},
    { refetchInterval: ASK_MS, enabled: services.length > 0 },
  );
  if (services.length === 0 || (!data && !error)) return undefined;
  return freshnessOf(data, Date.now() - dataUpdatedAt, services);
}

/**
 * The oldest of the services' figures.
 *
 * @param ageMs how old the answer is. After 30 s it says nothing about now.
 */
export function freshnessOf(
  answer: Answer | undefined,
  ageMs: number,
  services: readonly FiguresService[],
): Freshness {
  const chosen = (answer?.figures ?? []).filter((one) =>
    services.includes(one.service as FiguresService),
  );
  if (chosen.length < services.length || ageMs > LATELY_MS) return { asOf: null, behind: [] };
  const moments = chosen.map((one) => (one.as_of ? Date.parse(one.as_of) : null));
  const known = moments.filter((moment) => moment !== null);
  return {
    asOf: known.length < moments.length ? null : Math.min(...known),
    behind: withoutRepeats(chosen.flatMap((one) => one.behind)),
  };
}

function withoutRepeats(parts: readonly PartBehind[]): PartBehind[] {
  const byName = new Map(parts.map((part) => [partName(part), part]));
  return [...byName.values()];
}

export function partName({ service, step, topic }: PartBehind): string {
  return `${service} ${step} ${topic}`;
}
