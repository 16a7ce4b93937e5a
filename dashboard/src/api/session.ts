/**
 * Who is signed in, and how requests say so. Two ways, found out once at the start:
 * a cookie, where the gateway has /api/v1/session; else a token in the Authorization header of every request.
 */
import { Problem, problemOf, unanswered } from "./problem";

export type Person = { id: string; name: string; roles: string[] };
export type Role = "preparer" | "approver" | "auditor" | "operator" | "admin";
type Way = "cookie" | "bearer";

/** The five people of demo mode; their tokens are no secret and work on this machine only. */
export const DEMO_PEOPLE: readonly { id: string; name: string; role: Role }[] = [
  { id: "demo-preparer", name: "Prea Preparer", role: "preparer" },
  { id: "demo-approver", name: "Appy Approver", role: "approver" },
  { id: "demo-auditor", name: "Audra Auditor", role: "auditor" },
  { id: "demo-operator", name: "Otto Operator", role: "operator" },
  { id: "demo-admin", name: "Ada Admin", role: "admin" },
];
const SESSION = "/api/v1/session";
const ME = "/api/v1/me";
const KEPT = "paydown.demo-person"; // of one tab: two tabs can be two people

export class Session {
  private way: Way = "bearer";
  private token = "";
  private readonly storage: Pick<Storage, "getItem" | "setItem">;

  constructor(storage: Pick<Storage, "getItem" | "setItem"> = window.sessionStorage) {
    this.storage = storage;
  }

  /** Headers that say who asks; none with the cookie, which the browser sends. */
  headers(): Record<string, string> {
    return this.way === "bearer" && this.token ? { Authorization: `Bearer ${this.token}` } : {};
  }

  /** Sign in as whoever this tab was, else as the preparer. Throws a Problem if nobody can be signed in. */
  async start(): Promise<Person> {
    const known = await fetch(ME, { headers: { Accept: "application/json" } }).catch(
      (error: unknown) => {
        throw unanswered(error);
      },
    );
    if (known.ok) {
      this.way = "cookie";
      return (await known.json()) as Person;
    }
    if (known.status !== 401) throw await problemOf(known);
    return this.become(this.storage.getItem(KEPT) ?? "demo-preparer");
  }

  /** Be another of the demo people from now on. */
  async become(id: string): Promise<Person> {
    const answer = await fetch(SESSION, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ person: id }),
    }).catch((error: unknown) => {
      throw unanswered(error);
    });
    if (answer.ok) {
      this.way = "cookie";
      this.token = "";
      this.storage.setItem(KEPT, id);
      return (await answer.json()) as Person; // the same as GET /me would say
    }
    if (answer.status === 404 || answer.status === 405) {
      this.way = "bearer";
      this.token = id;
    } else {
      throw await problemOf(answer);
    }
    const me = await fetch(ME, { headers: this.headers() }).catch((error: unknown) => {
      throw unanswered(error);
    });
    if (!me.ok) throw await problemOf(me);
    this.storage.setItem(KEPT, id);
    return (await me.json()) as Person;
  }

  /** End the session; afterwards nobody is signed in on this tab. */
  async end(): Promise<void> {
    if (this.way === "cookie") {
      const answer = await fetch(SESSION, { method: "DELETE" });
      if (!answer.ok && answer.status !== 401) throw await problemOf(answer);
    }
    this.token = "";
  }
}

export const session = new Session();

/** Whether a person has one of the roles. The gateway decides; this only says what to offer. */
export function may(person: Person | null, ...roles: Role[]): boolean {
  return person !== null && roles.some((role) => person.roles.includes(role));
}

export { Problem };
