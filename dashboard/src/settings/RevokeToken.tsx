import Button from "@mui/material/Button";
import { type ReactElement, useState } from "react";
import { query, type Token } from "../api/client";
import { hasRole } from "../api/session";
import { useSignedIn } from "../api/signedIn";
import { T, useText } from "../i18n/i18n";
import { ActionDialog } from "../ui/ActionDialog";

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
  const [open, setOpen] = useState(false);
  const revoke = query.useMutation("delete", "/api/v1/tokens/{token_id}", {
    onSuccess: () => {
      setOpen(false);
      onRevoked();
    },
  });
  return (
    <>
      <Button
        size="small"
        variant="outlined"
        color="error"
        aria-label={text("tokens.revoke.one", { name })}
        onClick={() => {
          revoke.reset();
          setOpen(true);
        }}
      >
        <T id="tokens.revoke" />
      </Button>
      {open && (
        <ActionDialog
          title={text("tokens.revoke.ask", { name })}
          confirm={text("tokens.revoke")}
          tone="error"
          reason="none"
          busy={revoke.isPending}
          error={revoke.error}
          onClose={() => setOpen(false)}
          onConfirm={() => revoke.mutate({ params: { path: { token_id } } })}
        >
          <p>
            <T id="tokens.revoke.means" />
          </p>
        </ActionDialog>
      )}
    </>
  );
}
