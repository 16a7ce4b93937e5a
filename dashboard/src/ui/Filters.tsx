/** Search box, state and the filters that came with a link; all of them live in the address. */
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import { styled } from "@mui/material/styles";
import { type ReactElement, type ReactNode, useEffect, useRef, useState } from "react";
import { type Id, isId, T, useText } from "../i18n/i18n";
import { useAddress } from "./address";
import { shortId } from "./figures";
import { Icon } from "./icons";
import type { Search } from "./search";
import type { Kind } from "./states";

const Field = styled("label")({
  display: "flex",
  flexDirection: "column",
  gap: 2,
  fontSize: "0.875rem",
  minWidth: 0,
  maxWidth: "100%",
});
const control = {
  font: "inherit",
  fontSize: "1rem",
  padding: "6px 10px",
  borderRadius: 6,
  minHeight: 38,
  maxWidth: "100%",
} as const;
const Input = styled("input")(({ theme }) => ({
  ...control,
  color: (theme.vars ?? theme).palette.text.primary,
  background: (theme.vars ?? theme).palette.background.paper,
  border: `1px solid ${(theme.vars ?? theme).palette.text.secondary}`,
  width: "22rem",
}));
const Choice = styled("select")(({ theme }) => ({
  ...control,
  color: (theme.vars ?? theme).palette.text.primary,
  background: (theme.vars ?? theme).palette.background.paper,
  border: `1px solid ${(theme.vars ?? theme).palette.text.secondary}`,
}));
export { Choice, Field, Input };

type Props = {
  find?: Id;
  kind?: Kind;
  states?: readonly string[];
  shown?: readonly (keyof Search)[];
  children?: ReactNode;
};
const WAIT_MS = 300;
const NONE: readonly (keyof Search)[] = [];

export function Filters({ find, kind, states, shown = NONE, children }: Props): ReactElement {
  const [search, change] = useAddress();
  const text = useText();
  const chips = shown.filter((key) => search[key]);
  const active = chips.length > 0 || search.q || search.status;
  return (
    <Box
      role="search"
      sx={{ display: "flex", flexWrap: "wrap", gap: 1.5, alignItems: "flex-end", mb: 1.5 }}
    >
      {find && <Find label={find} key={search.q === undefined ? "empty" : "q"} />}
      {kind && states && (
        <Field>
          <T id="filter.status" />
          <Choice
            value={search.status ?? ""}
            onChange={(event) => change({ status: event.target.value })}
          >
            <option value="">{text("filter.any")}</option>
            {states.map((state) => {
              const id = `state.${kind}.${state}`;
              return (
                <option key={state} value={state}>
                  {isId(id) ? text(id) : state}
                </option>
              );
            })}
            {search.status && !states.includes(search.status) && (
              <option value={search.status}>{search.status.replaceAll(",", ", ")}</option>
            )}
          </Choice>
        </Field>
      )}
      {children}
      {chips.map((key) => (
        <Button
          key={key}
          variant="outlined"
          size="small"
          onClick={() => change({ [key]: "" })}
          endIcon={<Icon name="cross" />}
          title={text("filter.remove")}
        >
          {text(`filter.${key}` as Id)}: {shortId(search[key] ?? "")}
        </Button>
      ))}
      {active && (
        <Button
          size="small"
          onClick={() =>
            change({ q: "", status: "", ...Object.fromEntries(shown.map((key) => [key, ""])) })
          }
        >
          <T id="filter.clear" />
        </Button>
      )}
    </Box>
  );
}

function Find({ label }: { label: Id }): ReactElement {
  const [search, change] = useAddress();
  const [typed, setTyped] = useState(search.q ?? "");
  const latest = useRef(change);
  useEffect(() => {
    latest.current = change;
  }, [change]);
  const asked = search.q ?? "";
  useEffect(() => {
    if (typed === asked) return undefined;
    const timer = setTimeout(() => latest.current({ q: typed }, true), WAIT_MS);
    return () => clearTimeout(timer);
  }, [typed, asked]);
  return (
    <Field>
      <T id={label} />
      <Input
        type="search"
        value={typed}
        maxLength={200}
        onChange={(event) => setTyped(event.target.value)}
      />
    </Field>
  );
}
