/** What every page stands in: styles, language, queries, the person, routes. */
import createCache from "@emotion/cache";
import { CacheProvider } from "@emotion/react";
import CssBaseline from "@mui/material/CssBaseline";
import { ThemeProvider } from "@mui/material/styles";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { type ReactElement, useCallback, useEffect, useMemo, useState } from "react";
import { queries } from "./api/queries";
import { type Person, session } from "./api/session";
import { Language } from "./i18n/i18n";
import { router } from "./routes";
import { theme } from "./theme";
import { SignedIn } from "./ui/me";
import { Loading } from "./ui/page";
import { ProblemPanel } from "./ui/ProblemPanel";

/** The server writes a nonce into the page for the styles made here; without one there is none. */
function nonce(): string | undefined {
  const content = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content;
  return content && !content.startsWith("__") ? content : undefined;
}

export function App(): ReactElement {
  const styles = useMemo(() => createCache({ key: "pd", nonce: nonce() }), []);
  return (
    <CacheProvider value={styles}>
      <ThemeProvider theme={theme} defaultMode="system">
        <CssBaseline />
        <Language>
          <QueryClientProvider client={queries}>
            <Door />
          </QueryClientProvider>
        </Language>
      </ThemeProvider>
    </CacheProvider>
  );
}

const atOnce = session.start(); // while the first page is still being put together
atOnce.catch(() => undefined); // told by the door

function Door(): ReactElement {
  const [me, setMe] = useState<Person | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const signIn = useCallback((who: Promise<Person>) => {
    who.then((person) => {
      queries.clear();
      setProblem(null);
      setMe(person);
    }, setProblem);
  }, []);
  const become = useCallback((id: string) => signIn(session.become(id)), [signIn]);
  useEffect(() => signIn(atOnce), [signIn]);
  const signed = useMemo(() => (me ? { me, become } : null), [me, become]);
  if (problem)
    return (
      <Before>
        <ProblemPanel error={problem} retry={() => signIn(session.start())} />
      </Before>
    );
  if (!signed)
    return (
      <Before>
        <Loading />
      </Before>
    );
  return (
    <SignedIn value={signed}>
      <RouterProvider router={router} key={signed.me.id} />
    </SignedIn>
  );
}

/** Before anybody is signed in: what index.html has painted already. */
function Before({ children }: { children: ReactElement }): ReactElement {
  return (
    <>
      <header className="shell-bar">
        <h1>paydown</h1>
      </header>
      <main className="shell-main">{children}</main>
    </>
  );
}
