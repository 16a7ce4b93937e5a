/**
 * Some acts about money need a sign-in of the last minutes. The person signs in anew and comes back
 * to the same page, with the same dialog open.
 */
import { useEffect } from "react";

/** The code of the problem that asks for it. */
export const STEP_UP = "auth.step-up";
const START = "/api/v1/sign-in/start";
const OPEN = "open";

type Address = Pick<Location, "pathname" | "search">;

/** Where the person signs in anew. `dialog` is opened when they come back; "" for none. */
export function signInAnewUrl(dialog: string, here: Address = window.location): string {
  const search = new URLSearchParams(here.search);
  if (dialog) search.set(OPEN, dialog);
  const query = search.toString();
  const to = query ? `${here.pathname}?${query}` : here.pathname;
  return `${START}?${new URLSearchParams({ anew: "true", to }).toString()}`;
}

/** Whether the person has come back to this dialog. */
export function hasComeBackTo(dialog: string, here: Address = window.location): boolean {
  return dialog !== "" && new URLSearchParams(here.search).get(OPEN) === dialog;
}

/** Removes the name of the dialog from the address, so that a reload does not open it again. */
export function useForgetDialog(dialog: string): void {
  useEffect(() => {
    if (!hasComeBackTo(dialog)) return;
    const address = new URL(window.location.href);
    address.searchParams.delete(OPEN);
    window.history.replaceState(window.history.state, "", address);
  }, [dialog]);
}
