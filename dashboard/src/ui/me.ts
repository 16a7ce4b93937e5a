/** The person who is signed in, for every page. */
import { createContext, use } from "react";
import type { Person } from "../api/session";

export type Signed = { me: Person; become: (id: string) => void };
export const SignedIn = createContext<Signed | null>(null);

export function useMe(): Signed {
  const signed = use(SignedIn);
  if (!signed) throw new Error("nobody is signed in here");
  return signed;
}
