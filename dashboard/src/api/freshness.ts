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
  /** How old that is, by the system's own clock; null if it is not known. */
  ageMs: number | null;
  /** The parts that have stood behind for more than 30 s. */
  behind: PartBehind[];
};

const ASK_MS = 5_000;
/** Younger figures need no word. */
export const LATELY_MS = 30_000;

type Answered = { at: number; answer: Answer };
/** The newest answers, the oldest first. */
const answers: Answered[] = [];
const ANSWERS_MAX = 12;

/**
 * As of when the figures of these services are; undefined while it is asked for the first time.
 *
 * @param readAt when they were read. They are no newer than what was known of the services then:
 *   a service that has caught up since has not made figures newer that were read before.
 */
export function useFreshness(
  services: readonly FiguresService[],
  readAt: number | null = null,
): Freshness | undefined {
  const { data, error, dataUpdatedAt } = query.useQuery(
    "get",
    "/api/v1/freshness",
    {},
    { refetchInterval: ASK_MS, enabled: services.length > 0 },
  );
  if (services.length === 0 || (!data && !error)) return undefined;
  if (data) remember(answers, data, dataUpdatedAt);
  const newest = freshnessOf(data, Date.now() - dataUpdatedAt, services);
  const then = answerBefore(answers, readAt);
  if (newest.asOf === null || !then) return newest;
  const { asOf, ageMs } = freshnessOf(then.answer, Date.now() - then.at, services, Infinity);
  return { ...newest, asOf, ageMs };
}

/** Keeps an answer, once. */
export function remember(kept: Answered[], answer: Answer, at: number): void {
  if (kept.at(-1)?.at === at) return;
  kept.push({ at, answer });
  if (kept.length > ANSWERS_MAX) kept.shift();
}

/** The newest answer that came before a moment, or the oldest one that is known. */
export function answerBefore(kept: readonly Answered[], at: number | null): Answered | undefined {
  if (at === null) return kept.at(-1);
  return kept.findLast((one) => one.at <= at) ?? kept[0];
}

/**
 * The oldest of the services' figures.
 *
 * @param sinceMs how old the answer is. After `believedMs` it says nothing about now.
 */
export function freshnessOf(
  answer: Answer | undefined,
  sinceMs: number,
  services: readonly FiguresService[],
  believedMs = LATELY_MS,
): Freshness {
  const chosen = (answer?.figures ?? []).filter((one) =>
    services.includes(one.service as FiguresService),
  );
  if (!answer || chosen.length < services.length || sinceMs > believedMs)
    return { asOf: null, ageMs: null, behind: [] };
  const moments = chosen.map((one) => (one.as_of ? Date.parse(one.as_of) : null));
  const known = moments.filter((moment) => moment !== null);
  const asOf = known.length < moments.length ? null : Math.min(...known);
  return {
    asOf,
    ageMs: asOf === null ? null : Date.parse(answer.checked_at) - asOf + sinceMs,
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
