import type { ReactElement } from "react";
import type { Token } from "../api/client";
import { isMessageId, T, useText } from "../i18n/i18n";
import { DateTime } from "../ui/format";
import { Icon, type IconName } from "../ui/icons";
import { type Column, ListTable } from "../ui/ListTable";
import { RevokeToken } from "./RevokeToken";

type TokenTableProps = { tokens: readonly Token[]; onRevoked: () => void };

export function TokenTable({ tokens, onRevoked }: TokenTableProps): ReactElement {
  const text = useText();
  const columns: readonly Column<Token>[] = [
    ...TOKEN_COLUMNS,
    {
      header: "tokens.revoke",
      cell: (token) => <RevokeToken token={token} onRevoked={onRevoked} />,
    },
  ];
  return (
    <ListTable
      label={text("tokens.title")}
      rows={tokens}
      rowId={(token) => token.token_id}
      columns={columns}
    />
  );
}

const STATUS_ICONS = {
  active: "check-circle",
  expired: "clock",
  revoked: "stop",
} as const satisfies Record<Token["status"], IconName>;

const TOKEN_COLUMNS: readonly Column<Token>[] = [
  { header: "tokens.name", wide: true, cell: (token) => token.name },
  {
    header: "column.status",
    cell: ({ status }) => (
      <>
        <Icon name={STATUS_ICONS[status]} /> <T id={`token.${status}`} />
      </>
    ),
  },
  { header: "tokens.person", cell: (token) => token.person },
  { header: "tokens.scope", wide: true, cell: (token) => <Scope token={token} /> },
  {
    header: "tokens.made",
    cell: (token) => (
      <>
        <DateTime at={token.created_at} /> · {token.created_by}
      </>
    ),
  },
  { header: "tokens.ends", cell: (token) => <End token={token} /> },
  {
    header: "tokens.used",
    cell: ({ last_used_at: at }) => (at ? <DateTime at={at} /> : <T id="tokens.never" />),
  },
];

/** The token's roles, and whether it only reads. */
function Scope({ token }: { token: Token }): ReactElement {
  const text = useText();
  const roles = token.roles.map((role) => {
    const id = `role.${role}`;
    return isMessageId(id) ? text(id) : role;
  });
  return (
    <>
      {roles.join(", ")}
      {token.read_only && (
        <>
          {" "}
          · <T id="tokens.reads" />
        </>
      )}
    </>
  );
}

/** When the token ends, or when and by whom it was revoked. */
function End({ token }: { token: Token }): ReactElement {
  if (!token.revoked_at) return <DateTime at={token.expires_at} />;
  return (
    <>
      <DateTime at={token.revoked_at} /> · {token.revoked_by}
    </>
  );
}
