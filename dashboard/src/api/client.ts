/** The gateway's API, typed by its generated description. Errors are thrown as `Problem`. */
import createFetchClient, { type Middleware } from "openapi-fetch";
import createQueryClient from "openapi-react-query";
import type { components, paths } from "./gateway";
import { noAnswer, readProblem } from "./problem";
import { session } from "./session";

/** Signs each request and turns every refusal and every missing answer into a `Problem`. */
const signAndCheck: Middleware = {
  onRequest({ request }) {
    for (const [name, value] of Object.entries(session.headers())) request.headers.set(name, value);
    return request;
  },
  async onResponse({ response }) {
    if (response.status === 401) session.reportEnded();
    if (!response.ok) throw await readProblem(response);
  },
  onError({ error }) {
    return noAnswer(error);
  },
};

export const api = createFetchClient<paths>({ baseUrl: "" });
api.use(signAndCheck);
export const query = createQueryClient(api);

// The types that pages use, under the names of the API's description unless a comment says more.
type Schemas = components["schemas"];
export type Account = Schemas["Account"];
export type AccountingExport = Schemas["AccountingExport"];
export type AccountMapping = Schemas["Mapping"];
/** A request of a person for the approval of a batch. */
export type ApprovalRequest = Schemas["ApprovalRequest"];
/** A rule by amount: from which sum on two people approve a batch. */
export type ApprovalRule = Schemas["ApprovalRule"];
/** The rules of one version, with who proposed and confirmed them. */
export type ApprovalRules = Schemas["ApprovalRules"];
export type AuditLine = Schemas["AuditLine"];
/** A bank's statement against the ledger. */
export type BankStatementResult = Schemas["BankStatementResult"];
export type Batch = Schemas["Batch"];
/** A batch as lists show it. */
export type BatchLine = Schemas["BatchLine"];
export type BatchStatus = Schemas["Batch"]["status"];
/** A difference that a reconciliation found. */
export type Break = Schemas["Break"];
/** What one person has proposed about a difference. */
export type BreakProposal = Schemas["AcknowledgementProposal"];
export type Correction = Schemas["Correction"];
/** Money that moved outside of our payments, as two people explained it. */
export type CorrectingJournal = Schemas["LedgerCorrection"];
/** What a person decided about rows of a batch before its approval. */
export type Decision = Schemas["Decision"];
export type DeadLetter = Schemas["DeadLetter"];
export type Duplicate = Schemas["Duplicate"];
/** How much of a month is exported for the company's books. */
export type ExportMonth = Schemas["ExportMonth"];
export type FinanceReport = Schemas["FinanceReport"];
/** What a person decided about rows of an employee or a loan. */
export type EmployeeDecision = Schemas["EmployeeDecision"];
export type EmployeePeriod = Schemas["EmployeePeriod"];
export type EmployeeRow = Schemas["EmployeeRow"];
/** An employee with every row of every batch. */
export type EmployeeStory = Schemas["EmployeeStory"];
/** What a search found. */
export type Found = Schemas["Found"];
export type HeldProposal = Schemas["HeldProposal"];
/** People, a loan, a branch or a source that are not paid on some days. */
export type Hold = Schemas["Hold"];
export type HoldChange = Schemas["HoldChange"];
export type HoldKind = Schemas["Hold"]["kind"];
export type Issue = Schemas["Issue"];
export type IssueCount = Schemas["IssueCount"];
export type Journal = Schemas["Journal"];
/** Whether everything that is sent to the provider is stopped. */
export type KillSwitchState = Schemas["KillSwitch"];
/** A loan with every row of every batch. */
export type LoanStory = Schemas["LoanStory"];
export type Payment = Schemas["Payment"];
export type PaymentCounts = Schemas["PaymentCounts"];
/** A payment with its timeline. */
export type PaymentDetails = Schemas["PaymentStory"];
export type ReconciliationRun = Schemas["Run"];
export type RestoredDatabase = Schemas["Restored"];
/** A difference from the previously approved roster. */
export type RosterChange = Schemas["Change"];
export type RosterChangeCounts = Schemas["ChangeCounts"];
export type RosterChangeSide = Schemas["ChangeSide"];
export type Row = Schemas["Row"];
/** A browser in which somebody is signed in. */
export type Session = Schemas["Session"];
export type ServiceHealth = Schemas["ServiceHealth"];
/** What a batch needs from one source account, and what is there. */
export type SourceMoney = Schemas["SourceMoney"];
export type TimelineEntry = Schemas["TimelineEntry"];
/** A kind of call to the provider, with its limit. */
export type Tier = Schemas["Tier"];
/** An e-mail or chat service of this installation. */
export type MessageService = Schemas["MessageService"];
export type NotificationChannel = Schemas["NotificationChannel"];
export type NotificationDelivery = Schemas["NotificationDelivery"];
/** What people can be told of. */
export type NotificationEvent = NotificationDelivery["kind"];
export type Token = Schemas["Token"];
/** Rules that were tried out on batches of the past. */
export type TriedRules = Schemas["TriedRules"];
export type WantedDecision = Schemas["WantedDecision"];
