import Button from "@mui/material/Button";
import Checkbox from "@mui/material/Checkbox";
import FormControlLabel from "@mui/material/FormControlLabel";
import type { ReactElement, ReactNode } from "react";
import type { Role } from "../api/session";
import { T, useText } from "../i18n/i18n";
import { Field, Input, Select } from "../ui/fields";
import { FormGrid } from "../ui/layout";
import { chosenRoles, offeredRoles, type TokenPerson, type TokenRequest } from "./tokenRequest";

type NewTokenFormProps = {
  people: readonly TokenPerson[];
  request: TokenRequest;
  onChange: (request: TokenRequest) => void;
  busy: boolean;
  onSubmit: () => void;
};

/** What the token is for, whom it acts for, what it may do, and how long. */
export function NewTokenForm(props: NewTokenFormProps): ReactElement {
  const { people, request, onChange, busy, onSubmit } = props;
  const text = useText();
  const complete = request.name.trim() !== "" && chosenRoles(request, people).length > 0;
  const change = (by: Partial<TokenRequest>) => onChange({ ...request, ...by });
  return (
    <FormGrid
      onSubmit={(event) => {
        event.preventDefault();
        if (complete && !busy) onSubmit();
      }}
    >
      <Field>
        <T id="tokens.name" />
        <Input
          value={request.name}
          maxLength={100}
          required
          onChange={(event) => change({ name: event.target.value })}
        />
      </Field>
      <PersonField
        people={people}
        value={request.person}
        onChange={(person) => change({ person, roles: [] })}
      />
      <Tick
        label={<T id="tokens.read-only" />}
        checked={request.readOnly}
        onChange={(readOnly) => change({ readOnly })}
      />
      <RoleFields request={request} people={people} onChange={(roles) => change({ roles })} />
      <DaysField value={request.days} onChange={(days) => change({ days })} />
      <Button type="submit" variant="contained" disabled={!complete || busy}>
        {text(busy ? "working" : "tokens.make.act")}
      </Button>
    </FormGrid>
  );
}

type PersonFieldProps = {
  people: readonly TokenPerson[];
  value: string;
  onChange: (id: string) => void;
};

function PersonField({ people, value, onChange }: PersonFieldProps): ReactElement {
  const text = useText();
  return (
    <Field>
      <T id="tokens.person" />
      <Select value={value} required onChange={(event) => onChange(event.target.value)}>
        <option value="">{text("tokens.choose")}</option>
        {people.map((person) => (
          <option key={person.id} value={person.id}>
            {person.name}
          </option>
        ))}
      </Select>
    </Field>
  );
}

type RoleFieldsProps = {
  request: TokenRequest;
  people: readonly TokenPerson[];
  onChange: (roles: Role[]) => void;
};

/** A tick for each role that the chosen person has and a token can have. */
function RoleFields({ request, people, onChange }: RoleFieldsProps): ReactElement {
  const offered = offeredRoles(request, people);
  const chosen = chosenRoles(request, people);
  return (
    <fieldset style={{ border: 0, padding: 0, margin: 0 }}>
      <legend>
        <T id="tokens.scope" />
      </legend>
      {request.person === "" && <T id="tokens.scope.first" />}
      {request.person !== "" && offered.length === 0 && <T id="tokens.scope.none" />}
      {offered.map((role) => (
        <Tick
          key={role}
          label={
            <>
              <b>
                <T id={`role.${role}`} />
              </b>
              : <T id={request.readOnly ? "tokens.reads" : `role.${role}.may`} />
            </>
          }
          checked={chosen.includes(role)}
          onChange={(on) => onChange(on ? [...chosen, role] : chosen.filter((one) => one !== role))}
        />
      ))}
    </fieldset>
  );
}

type TickProps = { label: ReactNode; checked: boolean; onChange: (on: boolean) => void };

function Tick({ label, checked, onChange }: TickProps): ReactElement {
  return (
    <FormControlLabel
      label={label}
      control={<Checkbox checked={checked} onChange={(event) => onChange(event.target.checked)} />}
    />
  );
}

const DAYS = [1, 7, 30, 90, 365] as const;

type DaysFieldProps = { value: number; onChange: (days: number) => void };

function DaysField({ value, onChange }: DaysFieldProps): ReactElement {
  const text = useText();
  return (
    <Field>
      <T id="tokens.days" />
      <Select value={value} onChange={(event) => onChange(Number(event.target.value))}>
        {DAYS.map((n) => (
          <option key={n} value={n}>
            {text("tokens.days.n", { n })}
          </option>
        ))}
      </Select>
    </Field>
  );
}
