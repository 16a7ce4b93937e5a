/** How this browser shows things, who is signed in, and what each role may do. */
import type { ReactElement } from "react";
import { DEMO_PEOPLE, hasRole } from "../api/session";
import { useSignedIn } from "../api/signedIn";
import { T, useText } from "../i18n/i18n";
import { Card } from "../ui/Card";
import { Facts } from "../ui/Facts";
import { Link } from "../ui/links";
import { type Column, ListTable } from "../ui/ListTable";
import { Page } from "../ui/Page";
import { DisplaySettings } from "./DisplaySettings";
import { NamesCard } from "./NamesCard";
import { SessionsCard } from "./SessionsCard";

export default function SettingsPage(): ReactElement {
  const { me } = useSignedIn();
  const text = useText();
  return (
    <Page title={text("nav.settings")}>
      <DisplaySettings />
      <Card title={<T id="settings.me" />}>
        <Facts
          items={[
            ["settings.name", me.name],
            ["settings.id", me.id],
            ["settings.roles", me.roles.join(", ")],
          ]}
        />
      </Card>
      <Roles demo={me.auth_mode !== "oidc"} />
      <NotificationsCard />
      <NamesCard />
      <SessionsCard />
      {hasRole(me, "admin", "auditor") && <TokensCard />}
      <Card
        title={<T id="rules.title" />}
        actions={
          <Link to="/approval-rules">
            <T id="rules.open" />
          </Link>
        }
      >
        <p>
          <T id="rules.lead" />
        </p>
      </Card>
      <Card title={<T id="settings.rules" />}>
        <p>
          <T id="settings.rules.means" />
        </p>
      </Card>
    </Page>
  );
}

/** What each role may and may not do; in demo mode with the demo's people, one for each role. */
function Roles({ demo }: { demo: boolean }): ReactElement {
  const text = useText();
  const title = demo ? "settings.people" : "settings.people.roles";
  return (
    <Card title={<T id={title} />}>
      <p>
        <T id={demo ? "settings.people.means" : "settings.people.roles.means"} />
      </p>
      <ListTable
        label={text(title)}
        rows={DEMO_PEOPLE}
        rowId={(person) => person.role}
        columns={demo ? [NAME_COLUMN, ...ROLE_COLUMNS] : ROLE_COLUMNS}
      />
    </Card>
  );
}

type RoleLine = (typeof DEMO_PEOPLE)[number];
const NAME_COLUMN: Column<RoleLine> = { header: "settings.name", cell: ({ name }) => name };
const ROLE_COLUMNS: readonly Column<RoleLine>[] = [
  { header: "settings.roles", cell: ({ role }) => <T id={`role.${role}`} /> },
  { header: "settings.may", wide: true, cell: ({ role }) => <T id={`role.${role}.may`} /> },
  { header: "settings.may-not", wide: true, cell: ({ role }) => <T id={`role.${role}.not`} /> },
];

function NotificationsCard(): ReactElement {
  return (
    <Card
      title={<T id="notifications.title" />}
      actions={
        <Link to="/settings/notifications">
          <T id="notifications.open" />
        </Link>
      }
    >
      <p>
        <T id="notifications.lead" />
      </p>
    </Card>
  );
}

function TokensCard(): ReactElement {
  return (
    <Card
      title={<T id="tokens.title" />}
      actions={
        <Link to="/settings/tokens">
          <T id="tokens.open" />
        </Link>
      }
    >
      <p>
        <T id="settings.tokens" />
      </p>
    </Card>
  );
}
