/**
 * What every page needs around it: styles, language, the query cache, the signed-in person, routes.
 */
import createCache from "@emotion/cache";
import { CacheProvider } from "@emotion/react";
import CssBaseline from "@mui/material/CssBaseline";
import { ThemeProvider } from "@mui/material/styles";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import {
  type ReactElement,
  useCallback,
  useEffect,
  useEffectEvent,
  useMemo,
  useRef,
  useState,
} from "react";
import { queryClient } from "../api/queryClient";
import { type Person, session, SignInNeeded } from "../api/session";
import { SignedInContext } from "../api/signedIn";
import { Language } from "../i18n/i18n";
import { Loading } from "../ui/Loading";
import { ProblemPanel } from "../ui/ProblemPanel";
import { styleNonce } from "../ui/styleNonce";
import { theme } from "../ui/theme";
import { router } from "./routes";
import { SignedOutPage, type SignedOutReason } from "./SignedOutPage";

export function App(): ReactElement {
  const styles = useMemo(() => createCache({ key: "pd", nonce: styleNonce() }), []);
  return (
    <CacheProvider value={styles}>
      <ThemeProvider theme={theme} defaultMode="system">
        <CssBaseline />
        <Language>
          <QueryClientProvider client={queryClient}>
            <SignIn />
          </QueryClientProvider>
        </Language>
      </ThemeProvider>
    </CacheProvider>
  );
}

/** Signing in begins while the scripts of the first page are still being loaded. */
const firstSignIn = session.start();
firstSignIn.catch(() => undefined); // `SignIn` shows the error

/**
 * Signs in, then shows the pages. A change of person forgets everything the person before has read.
 */
function SignIn(): ReactElement {
  const [me, setMe] = useState<Person | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [why, setWhy] = useState<SignedOutReason>("needed");
  const signIn = useCallback((signingIn: Promise<Person>) => {
    signingIn.then((person) => {
      queryClient.clear();
      setError(null);
      setMe(person);
    }, setError);
  }, []);
  const become = useCallback((id: string) => signIn(session.become(id)), [signIn]);
  const signOut = useCallback(() => {
    setWhy("out");
    session.signOut().then(
      leaveOrStay(() => signIn(session.start())),
      setError,
    );
  }, [signIn]);
  useEffect(() => signIn(firstSignIn), [signIn]);
  useSignInAgain(signIn, () => setWhy("ended"));
  const signedIn = useMemo(() => (me ? { me, become, signOut } : null), [me, become, signOut]);
  if (error)
    return (
      <SignedOutFrame>
        {error instanceof SignInNeeded ? (
          <SignedOutPage loginUrl={error.loginUrl} why={why} />
        ) : (
          <ProblemPanel error={error} retry={() => signIn(session.start())} />
        )}
      </SignedOutFrame>
    );
  if (!signedIn)
    return (
      <SignedOutFrame>
        <Loading />
      </SignedOutFrame>
    );
  return (
    <SignedInContext value={signedIn}>
      <RouterProvider router={router} key={signedIn.me.id} />
    </SignedInContext>
  );
}

/** After a sign-out: go to the identity provider's own sign-out if it has one, else `stay`. */
function leaveOrStay(stay: () => void): (address: string | null) => void {
  return (address) => (address ? window.location.assign(address) : stay());
}

/** Signs in again when a session has ended: silently in demo mode, else by asking the person. */
function useSignInAgain(signIn: (signingIn: Promise<Person>) => void, onEnded: () => void): void {
  const starting = useRef(false);
  const ended = useEffectEvent(() => {
    if (starting.current) return; // several requests are refused at once
    starting.current = true;
    onEnded();
    const start = session.start().finally(() => {
      starting.current = false;
    });
    signIn(start);
  });
  useEffect(() => session.onEnded(ended), []);
}

/** The frame before anybody is signed in. It is the one that index.html has painted already. */
function SignedOutFrame({ children }: { children: ReactElement }): ReactElement {
  return (
    <>
      <header className="shell-bar">
        <h1>paydown</h1>
      </header>
      <main className="shell-main">{children}</main>
    </>
  );
}
