/**
 * API tokens for scripts. An administrator makes them for a named person, lists them, revokes them.
 */
import Button from "@mui/material/Button";
import type { ReactElement } from "react";
import { query } from "../api/client";
import { hasRole } from "../api/session";
import { useSignedIn } from "../api/signedIn";
import { T, useText } from "../i18n/i18n";
import { useAddress } from "../ui/address";
import { Card } from "../ui/Card";
import { Link } from "../ui/links";
import { Empty } from "../ui/Loading";
import { Notice } from "../ui/Notice";
import { Page } from "../ui/Page";
import { QueryView } from "../ui/QueryView";
import { NewToken } from "./NewToken";
import { TokenTable } from "./TokenTable";

const SIZE = 100;

export default function TokensPage(): ReactElement {
  const { me } = useSignedIn();
  const text = useText();
  const allowed = hasRole(me, "admin", "auditor");
  return (
    <Page
      title={text("tokens.title")}
      lead={allowed && <T id="tokens.lead" />}
      actions={
        <Link to="/settings">
          <T id="nav.settings" />
        </Link>
      }
    >
      {allowed ? (
        <Tokens />
      ) : (
        <Notice tone="warning">
          <T id="tokens.forbidden" />
        </Notice>
      )}
    </Page>
  );
}

function Tokens(): ReactElement {
  const { me } = useSignedIn();
  const [{ cursor }, change] = useAddress();
  const tokens = query.useQuery("get", "/api/v1/tokens", {
    params: { query: { limit: SIZE, cursor } },
  });
  const { data } = tokens;
  const reload = () => void tokens.refetch();
  return (
    <>
      {hasRole(me, "admin") && <NewToken onMade={reload} />}
      <Card title={<T id="tokens.list" values={{ n: data?.total ?? 0 }} />}>
        <QueryView query={tokens}>
          {({ items }) =>
            items.length > 0 ? (
              <TokenTable tokens={items} onRevoked={reload} />
            ) : (
              <Empty>
                <T id="tokens.none" />
              </Empty>
            )
          }
        </QueryView>
        {cursor && (
          <Button onClick={() => change({ cursor: "" })}>
            <T id="tokens.newest" />
          </Button>
        )}
        {data?.next && (
          <Button onClick={() => change({ cursor: data.next ?? "" })}>
            <T id="tokens.older" />
          </Button>
        )}
      </Card>
    </>
  );
}
