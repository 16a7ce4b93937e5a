/** The gateway's API, typed by its own description. Errors are thrown as `Problem`. */
import createFetchClient, { type Middleware } from "openapi-fetch";
import createQueryClient from "openapi-react-query";
import type { components, paths } from "./gateway";
import { problemOf, unanswered } from "./problem";
import { session } from "./session";

const door: Middleware = {
  onRequest({ request }) {
    for (const [name, value] of Object.entries(session.headers())) request.headers.set(name, value);
    return request;
  },
  async onResponse({ response }) {
    if (!response.ok) throw await problemOf(response);
  },
  onError({ error }) {
    return unanswered(error);
  },
};

export const api = createFetchClient<paths>({ baseUrl: "" });
api.use(door);
export const query = createQueryClient(api);

type Schemas = components["schemas"];
export type Batch = Schemas["Batch"];
export type BatchLine = Schemas["BatchLine"];
export type BatchStatus = Schemas["Batch"]["status"];
export type Row = Schemas["Row"];
export type Payment = Schemas["Payment"];
export type PaymentStory = Schemas["PaymentStory"];
export type PaymentCounts = Schemas["PaymentCounts"];
export type RowCounts = Schemas["RowCounts"];
export type Issue = Schemas["Issue"];
export type RosterChange = Schemas["Change"];
export type ChangeSide = Schemas["ChangeSide"];
export type ChangeCounts = Schemas["ChangeCounts"];
export type Correction = Schemas["Correction"];
export type Letter = Schemas["DeadLetter"];
