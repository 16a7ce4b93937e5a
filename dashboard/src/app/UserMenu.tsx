import { styled } from "@mui/material/styles";
import type { ReactElement } from "react";
import { DEMO_PEOPLE } from "../api/session";
import { useSignedIn } from "../api/signedIn";
import { T, useText } from "../i18n/i18n";
import { Row } from "../ui/layout";
import { PlainButton } from "../ui/links";

const Label = styled("label")({
  display: "flex",
  flexWrap: "wrap",
  alignItems: "center",
  gap: 8,
  minWidth: 0,
});
const Select = styled("select")(({ theme }) => ({
  font: "inherit",
  padding: "5px 8px",
  borderRadius: 6,
  maxWidth: "100%",
  minHeight: 34,
  color: (theme.vars ?? theme).palette.text.primary,
  background: (theme.vars ?? theme).palette.background.paper,
  border: `1px solid ${(theme.vars ?? theme).palette.text.secondary}`,
}));

/**
 * Who is signed in, and how to sign out. In demo mode nobody signs out: a person can become any of
 * the demo people instead, and the bar says so.
 */
export function UserMenu(): ReactElement {
  const { me, signOut } = useSignedIn();
  if (me.auth_mode !== "oidc") return <PersonSwitch />;
  return (
    <Row>
      <span>{me.name}</span>
      <PlainButton type="button" onClick={signOut}>
        <T id="session.sign-out" />
      </PlainButton>
    </Row>
  );
}

function PersonSwitch(): ReactElement {
  const { me, become } = useSignedIn();
  const text = useText();
  return (
    <Label>
      <small>
        <T id="demo.signed-in" />
      </small>
      <Select
        value={me.id}
        onChange={(event) => become(event.target.value)}
        aria-label={text("demo.switch")}
      >
        {DEMO_PEOPLE.map((person) => (
          <option key={person.id} value={person.id}>
            {person.name}
          </option>
        ))}
      </Select>
    </Label>
  );
}
