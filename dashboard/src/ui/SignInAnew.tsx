import type { ReactElement } from "react";
import { T } from "../i18n/i18n";
import { LinkLook } from "./links";
import { signInAnewUrl } from "./signInAnew";

/** The way to a new sign-in, and back to this page and its dialog. */
export default function SignInAnew({ dialog }: { dialog: string }): ReactElement {
  return (
    <>
      <p>
        <T id="anew.means" />
      </p>
      <p>
        <LinkLook href={signInAnewUrl(dialog)}>
          <T id="anew.sign-in" />
        </LinkLook>
      </p>
    </>
  );
}
