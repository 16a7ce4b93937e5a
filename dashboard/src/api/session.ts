/**
 * Who is signed in, and how requests prove it. There are two ways, tried once at the start: a
 * cookie, where the gateway offers /api/v1/session; else a token in the header of every request.
 */
import { readProblem } from "./problem";
import { fetchAnswer, fetchOk } from "./request";

export type Person = { id: string; name: string; roles: string[] };
export type Role = "preparer" | "approver" | "auditor" | "operator" | "admin";

/** The five people of demo mode. Their tokens are no secret and work on this machine only. */
export const DEMO_PEOPLE: readonly { id: string; name: string; role: Role }[] = [
  { id: "demo-preparer", name: "Prea Preparer", role: "preparer" },
  { id: "demo-approver", name: "Appy Approver", role: "approver" },
  { id: "demo-auditor", name: "Audra Auditor", role: "auditor" },
  { id: "demo-operator", name: "Otto Operator", role: "operator" },
  { id: "demo-admin", name: "Ada Admin", role: "admin" },
];
const SESSION_URL = "/api/v1/session";
const ME_URL = "/api/v1/me";
/** In the storage of one tab, so that two tabs can be two people. */
const STORAGE_KEY = "paydown.demo-person";

type TabStorage = Pick<Storage, "getItem" | "setItem">;

export class Session {
  private method: "cookie" | "token" = "token";
  private token = "";
  private readonly storage: TabStorage;

  constructor(storage: TabStorage = window.sessionStorage) {
    this.storage = storage;
  }

  /** Headers that prove who asks. None with the cookie, which the browser sends by itself. */
  headers(): Record<string, string> {
    return this.method === "token" && this.token ? { Authorization: `Bearer ${this.token}` } : {};
  }

  /**
   * Sign in: with the cookie, as whoever this tab was before, or else as the preparer.
   *
   * Throws a Problem if nobody can be signed in.
   */
  async start(): Promise<Person> {
    const answer = await fetchAnswer(ME_URL, { headers: { Accept: "application/json" } });
    if (answer.ok) {
      this.method = "cookie";
      return (await answer.json()) as Person;
    }
    if (answer.status !== 401) throw await readProblem(answer);
    return this.become(this.storage.getItem(STORAGE_KEY) ?? "demo-preparer");
  }

  /** Sign in as another of the demo people. Throws a Problem. */
  async become(id: string): Promise<Person> {
    const answer = await fetchAnswer(SESSION_URL, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ person: id }),
    });
    const person = await this.personOf(answer, id);
    this.storage.setItem(STORAGE_KEY, id);
    return person;
  }

  /**
   * The person that an answer to a sign-in signs in; a gateway without sessions takes the token.
   */
  private async personOf(answer: Response, id: string): Promise<Person> {
    if (answer.ok) {
      this.method = "cookie";
      this.token = "";
      return (await answer.json()) as Person;
    }
    if (answer.status !== 404 && answer.status !== 405) throw await readProblem(answer);
    this.method = "token";
    this.token = id;
    const me = await fetchOk(ME_URL, { headers: this.headers() });
    return (await me.json()) as Person;
  }
}

export const session = new Session();

/** Whether a person has one of the roles. The page offers by it; the gateway decides. */
export function hasRole(person: Person | null, ...roles: Role[]): boolean {
  return person !== null && roles.some((role) => person.roles.includes(role));
}
