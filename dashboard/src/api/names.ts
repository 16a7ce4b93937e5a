/** What people call branches and source accounts. */
import { useMemo } from "react";
import { query } from "./client";

export type NameKind = "branch" | "source";
/** The name of a branch or a source account; "" if it has none. */
export type NameOf = (kind: NameKind, id: string) => string;

/** A name is seldom changed; whoever changes one reads them again. */
const STALE_MS = 60_000;
export const NAMES_PATH = "/api/v1/names";

/** Looks names up. While they are not known, nothing has a name, and pages show the ids. */
export function useNames(): NameOf {
  const { data } = query.useQuery("get", NAMES_PATH, {}, { staleTime: STALE_MS });
  return useMemo(() => {
    const names = new Map((data?.items ?? []).map((one) => [`${one.kind} ${one.id}`, one.name]));
    return (kind, id) => names.get(`${kind} ${id}`) ?? "";
  }, [data]);
}
