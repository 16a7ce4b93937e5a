import type { ReactElement } from "react";
import { T } from "../i18n/i18n";
import { ButtonLink } from "../ui/links";

/** For a first visit: what there is to do, in three steps. */
export default function FirstSteps({ canUpload }: { canUpload: boolean }): ReactElement {
  return (
    <>
      <ol>
        <li>
          <a href="/sample-roster.xml" download>
            <T id="first.sample" />
          </a>
        </li>
        <li>
          <T id="first.upload" />
        </li>
        <li>
          <T id="first.approve" />
        </li>
      </ol>
      {canUpload && (
        <ButtonLink to="/upload">
          <T id="home.upload" />
        </ButtonLink>
      )}
    </>
  );
}
