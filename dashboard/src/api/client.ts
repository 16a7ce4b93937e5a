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
export type AuditLine = Schemas["AuditLine"];
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
export type DeadLetter = Schemas["DeadLetter"];
export type HeldProposal = Schemas["HeldProposal"];
export type Issue = Schemas["Issue"];
export type IssueCount = Schemas["IssueCount"];
export type Journal = Schemas["Journal"];
/** Whether everything that is sent to the provider is stopped. */
export type KillSwitchState = Schemas["KillSwitch"];
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
export type TimelineEntry = Schemas["TimelineEntry"];
/** A kind of call to the provider, with its limit. */
export type Tier = Schemas["Tier"];
export type Token = Schemas["Token"];
