/** How this browser shows things, who is signed in, and what each role may do. */
import { useColorScheme } from "@mui/material/styles";
import { type ReactElement, useState } from "react";
import { DEMO_PEOPLE, may } from "../api/session";
import { type Locale, LOCALES, T, useLanguage, useText } from "../i18n/i18n";
import { applyScheme, chosenScheme, type Scheme } from "../theme";
import { When } from "../ui/figures";
import { Choice, Field } from "../ui/Filters";
import { Link } from "../ui/links";
import { useMe } from "../ui/me";
import { Card, Facts, Page } from "../ui/page";
import { ListTable } from "../ui/table";

const SCHEMES: Scheme[] = ["system", "light", "dark"];
const ZONES = [
  "America/New_York",
  "America/Chicago",
  "America/Denver",
  "America/Los_Angeles",
  "America/Anchorage",
  "Pacific/Honolulu",
  "UTC",
];

export default function SettingsPage(): ReactElement {
  const { me } = useMe();
  const text = useText();
  return (
    <Page title={text("nav.settings")}>
      <Display />
      <Card title={<T id="settings.me" />}>
        <Facts
          of={[
            ["settings.name", me.name],
            ["settings.id", me.id],
            ["settings.roles", me.roles.join(", ")],
          ]}
        />
      </Card>
      <Card title={<T id="settings.people" />}>
        <p>
          <T id="settings.people.means" />
        </p>
        <ListTable
          label={text("settings.people")}
          rows={DEMO_PEOPLE}
          id={(person) => person.id}
          columns={[
            { key: "name", head: <T id="settings.name" />, cell: (person) => person.name },
            {
              key: "role",
              head: <T id="settings.roles" />,
              cell: (person) => <T id={`role.${person.role}`} />,
            },
            {
              key: "may",
              head: <T id="settings.may" />,
              wide: true,
              cell: (person) => <T id={`role.${person.role}.may`} />,
            },
            {
              key: "not",
              head: <T id="settings.may-not" />,
              wide: true,
              cell: (person) => <T id={`role.${person.role}.not`} />,
            },
          ]}
        />
      </Card>
      {may(me, "admin", "auditor") && (
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
      )}
      <Card title={<T id="settings.rules" />}>
        <p>
          <T id="settings.rules.means" />
        </p>
      </Card>
    </Page>
  );
}

function Display(): ReactElement {
  const [now] = useState(() => new Date().toISOString());
  const [scheme, setScheme] = useState<Scheme>(chosenScheme());
  const { setMode } = useColorScheme();
  const { locale, choose, zone, chooseZone } = useLanguage();
  const text = useText();
  const zones = ZONES.includes(zone) ? ZONES : [zone, ...ZONES];
  return (
    <Card title={<T id="settings.display" />}>
      <div style={{ display: "grid", gap: 12, justifyItems: "start" }}>
        <Field>
          <T id="settings.scheme" />
          <Choice
            value={scheme}
            onChange={(event) => {
              const next = event.target.value as Scheme;
              setScheme(next);
              setMode(next);
              applyScheme(next);
            }}
          >
            {SCHEMES.map((one) => (
              <option key={one} value={one}>
                {text(`scheme.${one}`)}
              </option>
            ))}
          </Choice>
        </Field>
        <Field>
          <T id="settings.language" />
          <Choice value={locale} onChange={(event) => choose(event.target.value as Locale)}>
            {Object.entries(LOCALES).map(([id, name]) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </Choice>
        </Field>
        <Field>
          <T id="settings.zone" />
          <Choice value={zone} onChange={(event) => chooseZone(event.target.value)}>
            {zones.map((one) => (
              <option key={one} value={one}>
                {one.replaceAll("_", " ")}
              </option>
            ))}
          </Choice>
        </Field>
        <p>
          <T id="settings.now" values={{ now: <When at={now} /> }} />
        </p>
        <p>
          <T id="settings.kept" />
        </p>
      </div>
    </Card>
  );
}
