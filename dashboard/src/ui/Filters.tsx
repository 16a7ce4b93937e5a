/**
 * Search box, status and the filters that came with a link. All of them are kept in the address.
 */
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import { type ReactElement, type ReactNode, useEffect, useRef, useState } from "react";
import { isMessageId, type MessageId, T, useText } from "../i18n/i18n";
import { useAddress } from "./address";
import { Field, Input, Select } from "./fields";
import { shortId } from "./format";
import { Icon } from "./icons";
import type { Search } from "./search";
import type { StatusKind } from "./statusLooks";

type FiltersProps = {
  /** Label of the search box; none without it. */
  find?: MessageId;
  kind?: StatusKind;
  statuses?: readonly string[];
  /** Keys of the address that are shown as chips, which remove them. */
  chips?: readonly (keyof Search)[];
  /** More fields, of this list only. */
  children?: ReactNode;
};
const NO_CHIPS: readonly (keyof Search)[] = [];

export function Filters(props: FiltersProps): ReactElement {
  const { find, kind, statuses, chips = NO_CHIPS, children } = props;
  const [search, change] = useAddress();
  const active = chips.filter((key) => search[key]);
  const cleared = { q: "", status: "", ...Object.fromEntries(chips.map((key) => [key, ""])) };
  return (
    <Box
      role="search"
      sx={{ display: "flex", flexWrap: "wrap", gap: 1.5, alignItems: "flex-end", mb: 1.5 }}
    >
      {find && <SearchBox label={find} key={search.q === undefined ? "empty" : "q"} />}
      {kind && statuses && <StatusFilter kind={kind} statuses={statuses} />}
      {children}
      {active.map((key) => (
        <FilterChip key={key} name={key} value={search[key] ?? ""} />
      ))}
      {(active.length > 0 || search.q || search.status) && (
        <Button size="small" onClick={() => change(cleared)}>
          <T id="filter.clear" />
        </Button>
      )}
    </Box>
  );
}

type StatusFilterProps = { kind: StatusKind; statuses: readonly string[] };

function StatusFilter({ kind, statuses }: StatusFilterProps): ReactElement {
  const [search, change] = useAddress();
  const text = useText();
  const chosen = search.status ?? "";
  return (
    <Field>
      <T id="filter.status" />
      <Select value={chosen} onChange={(event) => change({ status: event.target.value })}>
        <option value="">{text("filter.any")}</option>
        {statuses.map((status) => {
          const id = `status.${kind}.${status}`;
          return (
            <option key={status} value={status}>
              {isMessageId(id) ? text(id) : status}
            </option>
          );
        })}
        {chosen && !statuses.includes(chosen) && (
          <option value={chosen}>{chosen.replaceAll(",", ", ")}</option>
        )}
      </Select>
    </Field>
  );
}

/** A filter that came with a link; a click removes it. */
function FilterChip({ name, value }: { name: keyof Search; value: string }): ReactElement {
  const [, change] = useAddress();
  const text = useText();
  return (
    <Button
      variant="outlined"
      size="small"
      onClick={() => change({ [name]: "" })}
      endIcon={<Icon name="cross" />}
      title={text("filter.remove")}
    >
      {text(`filter.${name}` as MessageId)}: {shortId(value)}
    </Button>
  );
}

const TYPING_PAUSE_MS = 300;

/** Puts what was typed into the address once the person stops typing. */
function SearchBox({ label }: { label: MessageId }): ReactElement {
  const [search, change] = useAddress();
  const inAddress = search.q ?? "";
  const [typed, setTyped] = useState(inAddress);
  const latestChange = useRef(change);
  useEffect(() => {
    latestChange.current = change;
  }, [change]);
  useEffect(() => {
    if (typed === inAddress) return undefined;
    const timer = setTimeout(() => latestChange.current({ q: typed }, true), TYPING_PAUSE_MS);
    return () => clearTimeout(timer);
  }, [typed, inAddress]);
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

type OptionFieldProps<V extends string> = {
  label: MessageId;
  value: string;
  options: readonly V[];
  /** The message of an option. */
  optionLabel: (option: V) => MessageId;
  /** Label of an option that stands for no choice; none without it. */
  any?: MessageId;
  onChange: (value: string) => void;
};

/** A select whose options are messages. */
export function OptionField<V extends string>(props: OptionFieldProps<V>): ReactElement {
  const { label, value, options, optionLabel, any, onChange } = props;
  const text = useText();
  return (
    <Field>
      <T id={label} />
      <Select value={value} onChange={(event) => onChange(event.target.value)}>
        {any && <option value="">{text(any)}</option>}
        {options.map((option) => (
          <option key={option} value={option}>
            {text(optionLabel(option))}
          </option>
        ))}
      </Select>
    </Field>
  );
}
