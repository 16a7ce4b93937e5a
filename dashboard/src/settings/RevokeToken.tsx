import type { ReactElement } from "react";
import { api, type Token } from "../api/client";
import { hasRole } from "../api/session";
import { useSignedIn } from "../api/signedIn";
import { T, useText } from "../i18n/i18n";
import { ActionButton } from "../ui/ActionButton";

type RevokeTokenProps = { token: Token; onRevoked: () => void };

/** A button that revokes an active token, for administrators; a dash for everybody else. */
export function RevokeToken({ token, onRevoked }: RevokeTokenProps): ReactElement {
  const { me } = useSignedIn();
  if (token.status !== "active" || !hasRole(me, "admin")) return <>—</>;
  return <RevokeButton token={token} onRevoked={onRevoked} />;
}

function RevokeButton({ token, onRevoked }: RevokeTokenProps): ReactElement {
  const { name, token_id } = token;
  const text = useText();
  return (
    <ActionButton
      name={text("tokens.revoke")}
      button={{ size: "small", color: "error", "aria-label": text("tokens.revoke.one", { name }) }}
      title={text("tokens.revoke.ask", { name })}
      tone="error"
      reason="none"
      send={() => api.DELETE("/api/v1/tokens/{token_id}", { params: { path: { token_id } } })}
      onDone={onRevoked}
    >
      <p>
        <T id="tokens.revoke.means" />
      </p>
    </ActionButton>
  );
}
