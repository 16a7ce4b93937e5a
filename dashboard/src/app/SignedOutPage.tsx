import type { ReactElement } from "react";
import { T } from "../i18n/i18n";
import { LinkLook } from "../ui/links";

export type SignedOutReason = "needed" | "ended" | "out";

/** Nobody is signed in: why, and the way to the identity provider and back to this page. */
export function SignedOutPage({
  loginUrl,
  why,
}: {
  loginUrl: string;
  why: SignedOutReason;
}): ReactElement {
  // Read when it is shown: the address may have changed since the page was opened.
  const back = why === "out" ? "/" : window.location.pathname + window.location.search;
  return (
    <>
      <h1>
        <T id={`session.${why}`} />
      </h1>
      <p role="status">
        <T id={`session.${why}.means`} />
      </p>
      <p>
        <LinkLook href={`${loginUrl}?to=${encodeURIComponent(back)}`}>
          <T id="session.sign-in" />
        </LinkLook>
      </p>
    </>
  );
}
