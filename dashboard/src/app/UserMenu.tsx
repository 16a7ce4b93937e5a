import { styled } from "@mui/material/styles";
import type { ReactElement } from "react";
import { DEMO_PEOPLE } from "../api/session";
import { useSignedIn } from "../api/signedIn";
import { T, useText } from "../i18n/i18n";

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
 * Who is signed in. In demo mode a person can become any of the demo people, and the bar says so.
 */
export function PersonSwitch(): ReactElement {
  const { me, become } = useSignedIn();
  const text = useText();
  if (!me.id.startsWith("demo-")) return <span>{me.name}</span>;
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
            {`${person.name} (${text(`role.${person.role}`)})`}
          </option>
        ))}
      </Select>
    </Label>
  );
}
