/** Rules by amount while an administrator writes them. */
import type { ApprovalRule } from "../api/client";
import { centsToDecimal, readCents } from "../ui/money";

export type RuleDraft = { id: number; scope: "total" | "source"; source: string; amount: string };

/** The rules with one more, to be filled in. */
export function withNewRule(draft: readonly RuleDraft[]): RuleDraft[] {
  const id = 1 + Math.max(-1, ...draft.map((one) => one.id));
  return [...draft, { id, scope: "total", source: "", amount: "" }];
}

/** The rules that hold, as a draft that can be changed. */
export function draftOf(rules: readonly ApprovalRule[]): RuleDraft[] {
  return rules.map(({ scope, source_account_id: source, from_cents: cents }, id) => ({
    id,
    scope,
    source,
    amount: centsToDecimal(cents),
  }));
}

/** What the API takes; null while an amount is missing or cannot be read. */
export function rulesOf(
  draft: readonly RuleDraft[],
): Pick<ApprovalRule, "scope" | "source_account_id" | "from_cents">[] | null {
  const rules = draft.map(({ scope, source, amount }) => ({
    scope,
    source_account_id: scope === "source" ? source.trim() : "",
    from_cents: readCents(amount) ?? 0,
  }));
  return rules.every((one) => one.from_cents > 0) ? rules : null;
}
