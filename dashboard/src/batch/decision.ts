/** What can be decided about rows, by whom, and the request for it. */
import type { Batch, Row, WantedDecision } from "../api/client";
import { hasRole, type Person } from "../api/session";
import type { Search } from "../ui/search";
import { openRequest } from "../api/approvalRequest";

/** Why a rule excludes a row that an approver may include all the same. */
const PERIOD_CODES = new Set(["already_in_period", "same_person_in_period"]);
const FILTERS = ["status", "source", "branch", "institution", "reason_code", "q"] as const;

/** What is missing at the provider, with its value. */
export type Missing =
  { institution_id: string; merchant_id: string } | { source_account_id: string; ein: string };

/** The loan that is paid instead of that of a row. */
export type NewLoan = { row_ids: string[]; institution_id: string; loan_number: string };

/** Which rows a decision is about. */
export type Target =
  | { row_ids: string[] }
  | NewLoan
  | { employee_id: string }
  | Missing
  | { filter: Partial<Record<(typeof FILTERS)[number], string>> };

const NO_FILTER = {
  status: "",
  source: "",
  branch: "",
  institution: "",
  reason_code: "",
  q: "",
};

const NOTHING = {
  row_ids: [],
  employee_id: "",
  evidence: "",
  institution_id: "",
  merchant_id: "",
  source_account_id: "",
  ein: "",
  loan_number: "",
};

/** A decision as the API takes it. */
export function decisionRequest(
  act: WantedDecision["act"],
  target: Target,
  reason: string,
): WantedDecision {
  const named = "filter" in target ? { filter: { ...NO_FILTER, ...target.filter } } : { ...target };
  return { act, ...NOTHING, ...named, reason };
}

/** Whether this person can decide about rows of the batch now. */
export function mayDecide(batch: Batch, me: Person): boolean {
  const open = batch.status === "ready" && openRequest(batch) === undefined;
  return open && hasRole(me, "preparer", "approver");
}

/** Whether a rule excludes the row because it is paid elsewhere. */
export function isPaidElsewhere(row: Pick<Row, "status" | "reason_code">): boolean {
  return row.status === "excluded" && PERIOD_CODES.has(row.reason_code);
}

/** Whether this person may include these rows: an approver, if all of them are paid elsewhere. */
export function mayInclude(rows: readonly Row[], me: Person): boolean {
  return hasRole(me, "approver") && rows.length > 0 && rows.every(isPaidElsewhere);
}

const OTHER_BIRTH_DATE = "E_EMPLOYEE_OTHER_DOB";

/** Whether the row's person may have changed, so that it can be accepted as the person's own. */
export function mayAccept(row: Pick<Row, "status" | "reason_code" | "employee_id">): boolean {
  const refusedForBirthDate = row.status === "refused" && row.reason_code === OTHER_BIRTH_DATE;
  return row.employee_id !== "" && (refusedForBirthDate || row.status !== "refused");
}

/** Whether the row waits for a merchant of its institution, which a person may name. */
export function lacksMerchant(row: Pick<Row, "status" | "reason_code">): boolean {
  return row.status === "unpayable" && row.reason_code === "no_merchant";
}

/** What is missing as the API takes it; none while the value is not written as it must be. */
export function missingValue(
  row: Pick<Row, "institution_id" | "source_account_id">,
  field: "merchant" | "ein",
  typed: string,
): Missing | undefined {
  const value = typed.trim();
  if (field === "merchant")
    return /^mch_[0-9A-Za-z]{1,64}$/.test(value)
      ? { institution_id: row.institution_id, merchant_id: value }
      : undefined;
  return /^[0-9]{9}$/.test(value)
    ? { source_account_id: row.source_account_id, ein: value }
    : undefined;
}

/** Whether the loan of the row can be redirected to another one before the approval. */
export function mayRedirect(row: Pick<Row, "status" | "reason_code">): boolean {
  return row.status === "payable" || row.status === "unpayable" || row.reason_code === "on_hold";
}

/** The new loan as the API takes it; none while its parts are not written as they must be. */
export function newLoan(rowId: string, institution: string, number: string): NewLoan | undefined {
  const parts = { institution_id: institution.trim(), loan_number: number.trim() };
  return /^ins_[0-9]+$/.test(parts.institution_id) && parts.loan_number !== ""
    ? { row_ids: [rowId], ...parts }
    : undefined;
}

/** The filters of the list that is shown, as a target; none if nothing is filtered. */
export function filterTarget(search: Search): Target | undefined {
  const named = FILTERS.flatMap((name) => (search[name] ? [[name, search[name]]] : []));
  return named.length > 0 ? { filter: Object.fromEntries(named) } : undefined;
}
