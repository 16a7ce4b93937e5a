import Button from "@mui/material/Button";
import Checkbox from "@mui/material/Checkbox";
import FormControlLabel from "@mui/material/FormControlLabel";
import { type ReactElement, useState } from "react";
import { query } from "../api/client";
import type { Role } from "../api/session";
import { T, useText } from "../i18n/i18n";
import { Code, When } from "../ui/figures";
import { Choice, Field, Input } from "../ui/Filters";
import { Press } from "../ui/links";
import { Card, Loading, Notice } from "../ui/page";
import { ProblemPanel } from "../ui/ProblemPanel";

const DAYS = [1, 7, 30, 90, 365] as const;
const USUAL_DAYS = 90;
const ROLES: readonly Role[] = ["preparer", "approver", "auditor", "operator", "admin"];
/** What these do is done in person: a script with such a role can only read. The gateway says the same. */
const IN_PERSON: ReadonlySet<string> = new Set(["approver", "admin"]);

/** Makes a token, and shows its secret, which the system does not keep, this once. */
export function MakeToken({ onMade }: { onMade: () => void }): ReactElement {
  const text = useText();
  const people = query.useQuery("get", "/api/v1/people", {});
  const [name, setName] = useState("");
  const [person, setPerson] = useState("");
  const [roles, setRoles] = useState<readonly Role[]>([]);
  const [readOnly, setReadOnly] = useState(true);
  const [days, setDays] = useState(USUAL_DAYS);
  const make = query.useMutation("post", "/api/v1/tokens", {
    gcTime: 0,
    onSuccess: () => {
      setName("");
      onMade();
    },
    onError: onMade,
  });
  const theirs = people.data?.items.find((one) => one.id === person)?.roles ?? [];
  const offered = ROLES.filter(
    (role) => theirs.includes(role) && (readOnly || !IN_PERSON.has(role)),
  );
  const chosen = roles.filter((role) => offered.includes(role));
  const ready = name.trim() !== "" && chosen.length > 0 && !make.isPending;
  if (make.data?.token)
    return (
      <Made
        token={make.data.token}
        name={make.data.name}
        until={make.data.expires_at}
        onSeen={() => make.reset()}
      />
    );
  return (
    <Card title={<T id="tokens.make" />}>
      {people.error && <ProblemPanel error={people.error} retry={() => void people.refetch()} />}
      {people.isPending && <Loading />}
      {make.error && (
        <>
          <ProblemPanel error={make.error} unsafe />
          <Notice tone="warning">
            <T id="tokens.unseen" />
          </Notice>
        </>
      )}
      {people.data && (
        <form
          style={{ display: "grid", gap: 12, justifyItems: "start" }}
          onSubmit={(event) => {
            event.preventDefault();
            if (ready)
              make.mutate({
                body: { name: name.trim(), person, roles: chosen, read_only: readOnly, days },
              });
          }}
        >
          <Field>
            <T id="tokens.name" />
            <Input
              value={name}
              maxLength={100}
              required
              onChange={(event) => setName(event.target.value)}
            />
          </Field>
          <Field>
            <T id="tokens.person" />
            <Choice
              value={person}
              required
              onChange={(event) => {
                setPerson(event.target.value);
                setRoles([]);
              }}
            >
              <option value="">{text("tokens.choose")}</option>
              {people.data.items.map((one) => (
                <option key={one.id} value={one.id}>
                  {one.name}
                </option>
              ))}
            </Choice>
          </Field>
          <FormControlLabel
            control={
              <Checkbox
                checked={readOnly}
                onChange={(event) => setReadOnly(event.target.checked)}
              />
            }
            label={<T id="tokens.read-only" />}
          />
          <fieldset style={{ border: 0, padding: 0, margin: 0 }}>
            <legend>
              <T id="tokens.scope" />
            </legend>
            {person === "" && <T id="tokens.scope.first" />}
            {person !== "" && offered.length === 0 && <T id="tokens.scope.none" />}
            {offered.map((role) => (
              <FormControlLabel
                key={role}
                label={
                  <>
                    <b>
                      <T id={`role.${role}`} />
                    </b>
                    : <T id={readOnly ? "tokens.reads" : `role.${role}.may`} />
                  </>
                }
                control={
                  <Checkbox
                    checked={chosen.includes(role)}
                    onChange={(event) =>
                      setRoles(
                        event.target.checked
                          ? [...chosen, role]
                          : chosen.filter((one) => one !== role),
                      )
                    }
                  />
                }
              />
            ))}
          </fieldset>
          <Field>
            <T id="tokens.days" />
            <Choice value={days} onChange={(event) => setDays(Number(event.target.value))}>
              {DAYS.map((n) => (
                <option key={n} value={n}>
                  {text("tokens.days.n", { n })}
                </option>
              ))}
            </Choice>
          </Field>
          <Button type="submit" variant="contained" disabled={!ready}>
            {text(make.isPending ? "working" : "tokens.make.act")}
          </Button>
        </form>
      )}
    </Card>
  );
}

function Made({
  token,
  name,
  until,
  onSeen,
}: {
  token: string;
  name: string;
  until: string;
  onSeen: () => void;
}): ReactElement {
  const [copied, setCopied] = useState(false);
  return (
    <Card title={<T id="tokens.new" values={{ name }} />}>
      <Notice tone="warning" live>
        <T id="tokens.once" values={{ at: <When at={until} /> }} />
      </Notice>
      <p style={{ overflowWrap: "anywhere" }}>
        <Code>{token}</Code>
      </p>
      <div style={{ display: "flex", flexWrap: "wrap", gap: 8, alignItems: "center" }}>
        <Press
          type="button"
          onClick={() => {
            navigator.clipboard.writeText(token).then(
              () => setCopied(true),
              () => setCopied(false),
            );
          }}
        >
          <T id="tokens.copy" />
        </Press>
        <Button variant="contained" onClick={onSeen}>
          <T id="tokens.seen" />
        </Button>
        <span role="status">{copied && <T id="tokens.copied" />}</span>
      </div>
    </Card>
  );
}
