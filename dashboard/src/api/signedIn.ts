/** The person who is signed in, for every component. */
import { createContext, use } from "react";
import type { Person } from "./session";

export type SignedIn = { me: Person; become: (id: string) => void; signOut: () => void };
export const SignedInContext = createContext<SignedIn | null>(null);

/** The signed-in person, how to sign out, and how to become another one in demo mode. */
export function useSignedIn(): SignedIn {
  const signedIn = use(SignedInContext);
  if (!signedIn) throw new Error("this component is used where nobody is signed in");
  return signedIn;
}
