/** The mapping of accounts while a person changes it. */
import type { components } from "../api/gateway";

export type MappingLine = Required<components["schemas"]["MappingLine"]>;
export const GL_TYPES = ["Assets", "Liabilities", "Equity", "Income", "Expenses"] as const;
/** Every account has a line: its own, or that of its kind. */
export const FALLBACKS = ["source:*", "branch:*", "outside:provider"] as const;

/** The lines to begin with: those that are kept, and one for each kind that has none. */
export function firstDraft(kept: readonly components["schemas"]["MappingLine"][]): MappingLine[] {
  const lines = kept.map((line) => ({ ...line, cost_centre: line.cost_centre ?? "" }));
  const missing = FALLBACKS.filter((account) => !lines.some((line) => line.account === account));
  return [
    ...lines,
    ...missing.map((account) => ({
      account,
      gl_account: "",
      gl_type: account === "source:*" ? ("Assets" as const) : ("Expenses" as const),
      cost_centre: "",
    })),
  ];
}

/** Whether a line may be taken out: the three kinds must stay. */
export function isFallback(line: MappingLine): boolean {
  return (FALLBACKS as readonly string[]).includes(line.account);
}

/** Whether the draft can be saved: every line has two accounts, and no account has two lines. */
export function isSavable(lines: readonly MappingLine[], reason: string): boolean {
  const accounts = lines.map((line) => line.account.trim());
  return (
    reason.trim() !== "" &&
    new Set(accounts).size === accounts.length &&
    lines.every(({ account, gl_account: gl }) => {
      return /^((source|branch):.+|outside:provider)$/.test(account.trim()) && gl.trim() !== "";
    })
  );
}
