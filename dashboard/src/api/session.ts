/**
 * Who is signed in, and how requests prove it. There are two ways, tried once at the start: a
 * cookie, where the gateway offers /api/v1/session; else a token in the header of every request.
 */
import { readProblem } from "./problem";
import { fetchAnswer, fetchOk } from "./request";

export type Person = {
  id: string;
  name: string;
  roles: string[];
  /** `demo`: one of five people without a password. `oidc`: signed in at an identity provider. */
  auth_mode?: string;
};
export type Role = "preparer" | "approver" | "auditor" | "operator" | "admin";

/** Who may open the pages of employees and loans. */
export const PERSONAL_ROLES: readonly Role[] = ["preparer", "approver", "auditor"];

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
const WAYS_URL = "/api/v1/sign-in";
/** In the storage of one tab, so that two tabs can be two people. */
const STORAGE_KEY = "paydown.demo-person";

type TabStorage = Pick<Storage, "getItem" | "setItem">;

/** Nobody is signed in, and only the person can do that: at the identity provider. */
export class SignInNeeded extends Error {
  readonly loginUrl: string;

  constructor(loginUrl: string) {
    super("sign-in needed");
    this.loginUrl = loginUrl;
  }
}

export class Session {
  private readonly endedListeners = new Set<() => void>();
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
   * Sign in: with the cookie; or in demo mode as whoever this tab was before, else the preparer.
   *
   * Throws `SignInNeeded` where people sign in at an identity provider, and a Problem if nobody can
   * be signed in.
   */
  async start(): Promise<Person> {
    const answer = await fetchAnswer(ME_URL, { headers: { Accept: "application/json" } });
    if (answer.ok) {
      this.method = "cookie";
      return (await answer.json()) as Person;
    }
    if (answer.status !== 401) throw await readProblem(answer);
    const loginUrl = await this.loginUrl();
    if (loginUrl) throw new SignInNeeded(loginUrl);
    return this.become(this.storage.getItem(STORAGE_KEY) ?? "demo-preparer");
  }

  /**
   * End this browser's session. Returns the address that ends the one at the identity provider too,
   * or null. Throws a Problem.
   */
  async signOut(): Promise<string | null> {
    const answer = await fetchOk(SESSION_URL, { method: "DELETE", headers: this.headers() });
    return ((await answer.json()) as { logout_url: string | null }).logout_url;
  }

  /** Call `listener` when the gateway refuses a request because nobody is signed in any more. */
  onEnded(listener: () => void): () => void {
    this.endedListeners.add(listener);
    return () => void this.endedListeners.delete(listener);
  }

  /** Say that the gateway has refused a request because nobody is signed in any more. */
  reportEnded(): void {
    for (const listener of this.endedListeners) listener();
  }

  /** Where people sign in at an identity provider; null in demo mode. Throws a Problem. */
  private async loginUrl(): Promise<string | null> {
    const answer = await fetchAnswer(WAYS_URL, { headers: { Accept: "application/json" } });
    if (answer.status === 404) return null; // a gateway without sessions
    if (!answer.ok) throw await readProblem(answer);
    return ((await answer.json()) as { login_url: string | null }).login_url;
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
