/** What a new token is to be. */
import type { Role } from "../api/session";

export type TokenPerson = { id: string; name: string; roles: string[] };
export type TokenRequest = {
  name: string;
  /** The id of the person the token acts for; empty until one is chosen. */
  person: string;
  roles: readonly Role[];
  readOnly: boolean;
  days: number;
};

export const EMPTY_REQUEST: TokenRequest = {
  name: "",
  person: "",
  roles: [],
  readOnly: true,
  days: 90,
};

const ROLES: readonly Role[] = ["preparer", "approver", "auditor", "operator", "admin"];
/**
 * What these roles do is done in person, so a token with one of them can only read. The gateway
 * enforces the same.
 */
const IN_PERSON: ReadonlySet<Role> = new Set<Role>(["approver", "admin"]);

/** The roles that a token for the chosen person can have. */
export function offeredRoles(request: TokenRequest, people: readonly TokenPerson[]): Role[] {
  const roles = people.find((person) => person.id === request.person)?.roles ?? [];
  return ROLES.filter((role) => roles.includes(role) && (request.readOnly || !IN_PERSON.has(role)));
}

/** The chosen roles, without those that are no longer offered. */
export function chosenRoles(request: TokenRequest, people: readonly TokenPerson[]): Role[] {
  const offered = offeredRoles(request, people);
  return request.roles.filter((role) => offered.includes(role));
}

/** The request as the API takes it. */
export function requestBody(request: TokenRequest, people: readonly TokenPerson[]) {
  const { name, person, readOnly, days } = request;
  const roles = chosenRoles(request, people);
  return { name: name.trim(), person, roles, read_only: readOnly, days };
}
