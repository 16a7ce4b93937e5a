/** Pages that stand where a page should be and is not. */
import type { ReactElement } from "react";
import { Problem } from "../api/problem";
import { T, useText } from "../i18n/i18n";
import { Link } from "../ui/links";
import { Page } from "../ui/Page";
import { ProblemPanel } from "../ui/ProblemPanel";

/**
 * A page that could not be loaded, or that has a bug: what happened, and a button that loads it
 * again.
 */
export function PageError({ error }: { error: unknown }): ReactElement {
  const text = useText();
  const notLoaded = error instanceof TypeError && /import|module/i.test(error.message);
  return (
    <Page title={text("problem.title")}>
      <ProblemPanel
        error={notLoaded ? new Problem({ code: "page.part" }, 0) : error}
        retry={() => window.location.reload()}
      />
    </Page>
  );
}

export function NotFoundPage(): ReactElement {
  const text = useText();
  return (
    <Page title={text("not-found.title")}>
      <p>
        <T id="not-found.text" />
      </p>
      <Link to="/">
        <T id="nav.home" />
      </Link>
    </Page>
  );
}
