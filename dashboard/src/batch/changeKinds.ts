import type { RosterChange } from "../api/client";

/** The kinds of changes in the API's order: those that may send money to new people come first. */
export const CHANGE_KINDS = [
  "new_person",
  "loan",
  "source",
  "amount",
  "branch",
  "gone_person",
] as const satisfies readonly RosterChange["kind"][];
export type ChangeKind = (typeof CHANGE_KINDS)[number];
