/** The person who is signed in, for every component. */
import { createContext, use } from "react";
import type { Person } from "./session";

export type SignedIn = { me: Person; become: (id: string) => void };
export const SignedInContext = createContext<SignedIn | null>(null);

/** The signed-in person, and how to become another one in demo mode. */
export function useSignedIn(): SignedIn {
  const signedIn = use(SignedInContext);
  if (!signedIn) throw new Error("this component is used where nobody is signed in");
  return signedIn;
}
