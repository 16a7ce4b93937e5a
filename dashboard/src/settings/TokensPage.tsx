/** API tokens for scripts: made by an administrator for a named person, shown once, listed, revoked. */
import Button from "@mui/material/Button";
import { lazy, type ReactElement, Suspense, useState } from "react";
import { query } from "../api/client";
import type { components } from "../api/gateway";
import { may } from "../api/session";
import { isId, T, useText } from "../i18n/i18n";
import { useAddress } from "../ui/address";
import { When } from "../ui/figures";
import { Icon } from "../ui/icons";
import { Link } from "../ui/links";
import { useMe } from "../ui/me";
import { Card, Empty, Loading, Notice, Page } from "../ui/page";
import { ProblemPanel } from "../ui/ProblemPanel";
import { ListTable } from "../ui/table";
import { MakeToken } from "./MakeToken";

const ReasonDialog = lazy(() => import("../ui/ReasonDialog"));
const SIZE = 100;
type Token = components["schemas"]["Token"];

export default function TokensPage(): ReactElement {
  const { me } = useMe();
  const text = useText();
  const [search, change] = useAddress();
  const allowed = may(me, "admin", "auditor");
  const found = query.useQuery(
    "get",
    "/api/v1/tokens",
    { params: { query: { limit: SIZE, cursor: search.cursor } } },
    { enabled: allowed },
  );
  const again = () => void found.refetch();
  const back = (
    <Link to="/settings">
      <T id="nav.settings" />
    </Link>
  );
  if (!allowed)
    return (
      <Page title={text("tokens.title")} actions={back}>
        <Notice tone="warning">
          <T id="tokens.forbidden" />
        </Notice>
      </Page>
    );
  return (
    <Page title={text("tokens.title")} lead={<T id="tokens.lead" />} actions={back}>
      {may(me, "admin") && <MakeToken onMade={again} />}
      <Card title={<T id="tokens.list" values={{ n: found.data?.total ?? 0 }} />}>
        {found.error && <ProblemPanel error={found.error} retry={again} />}
        {found.isPending && <Loading />}
        {found.data && found.data.items.length === 0 && (
          <Empty>
            <T id="tokens.none" />
          </Empty>
        )}
        {found.data && found.data.items.length > 0 && (
          <Listed tokens={found.data.items} again={again} />
        )}
        {search.cursor && (
          <Button onClick={() => change({ cursor: "" })}>
            <T id="tokens.newest" />
          </Button>
        )}
        {found.data?.next && (
          <Button onClick={() => change({ cursor: found.data.next ?? "" })}>
            <T id="tokens.older" />
          </Button>
        )}
      </Card>
    </Page>
  );
}

function Listed({ tokens, again }: { tokens: readonly Token[]; again: () => void }): ReactElement {
  const { me } = useMe();
  const text = useText();
  const [asking, setAsking] = useState<Token | null>(null);
  const revoke = query.useMutation("delete", "/api/v1/tokens/{token_id}", {
    onSuccess: () => {
      setAsking(null);
      again();
    },
  });
  return (
    <>
      <ListTable
        label={text("tokens.title")}
        rows={tokens}
        id={(token) => token.token_id}
        columns={[
          { key: "name", head: <T id="tokens.name" />, wide: true, cell: (token) => token.name },
          {
            key: "status",
            head: <T id="column.status" />,
            cell: (token) => (
              <>
                <Icon
                  name={
                    token.status === "active"
                      ? "check-circle"
                      : token.status === "expired"
                        ? "clock"
                        : "stop"
                  }
                />{" "}
                <T id={`token.${token.status}`} />
              </>
            ),
          },
          { key: "person", head: <T id="tokens.person" />, cell: (token) => token.person },
          {
            key: "scope",
            head: <T id="tokens.scope" />,
            wide: true,
            cell: (token) => (
              <>
                <Roles of={token.roles} />
                {token.read_only && (
                  <>
                    {" "}
                    · <T id="tokens.reads" />
                  </>
                )}
              </>
            ),
          },
          {
            key: "made",
            head: <T id="tokens.made" />,
            cell: (token) => (
              <>
                <When at={token.created_at} /> · {token.created_by}
              </>
            ),
          },
          {
            key: "ends",
            head: <T id="tokens.ends" />,
            cell: (token) =>
              token.revoked_at ? (
                <>
                  <When at={token.revoked_at} /> · {token.revoked_by}
                </>
              ) : (
                <When at={token.expires_at} />
              ),
          },
          {
            key: "used",
            head: <T id="tokens.used" />,
            cell: (token) =>
              token.last_used_at ? <When at={token.last_used_at} /> : <T id="tokens.never" />,
          },
          {
            key: "act",
            head: <T id="tokens.revoke" />,
            cell: (token) =>
              token.status === "active" && may(me, "admin") ? (
                <Button
                  size="small"
                  variant="outlined"
                  color="error"
                  aria-label={text("tokens.revoke.one", { name: token.name })}
                  onClick={() => {
                    revoke.reset();
                    setAsking(token);
                  }}
                >
                  <T id="tokens.revoke" />
                </Button>
              ) : (
                "—"
              ),
          },
        ]}
      />
      {asking && (
        <Suspense fallback={null}>
          <ReasonDialog
            title={text("tokens.revoke.ask", { name: asking.name })}
            act={text("tokens.revoke")}
            tone="error"
            reason="none"
            busy={revoke.isPending}
            error={revoke.error}
            onClose={() => setAsking(null)}
            onAct={() => revoke.mutate({ params: { path: { token_id: asking.token_id } } })}
          >
            <p>
              <T id="tokens.revoke.means" />
            </p>
          </ReasonDialog>
        </Suspense>
      )}
    </>
  );
}

function Roles({ of }: { of: readonly string[] }): ReactElement {
  const text = useText();
  return (
    <>
      {of
        .map((role) => {
          const id = `role.${role}`;
          return isId(id) ? text(id) : role;
        })
        .join(", ")}
    </>
  );
}
