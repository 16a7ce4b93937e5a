import Button from "@mui/material/Button";
import { type ReactElement, use, useState } from "react";
import { query } from "../../../api/client";
import { T, useText } from "../../../i18n/i18n";
import { Field, Input, Select } from "../../../ui/fields";
import { shortId } from "../../../ui/format";
import { ButtonRow, FormGrid } from "../../../ui/layout";
import { readCents } from "../../../ui/money";
import { NamesContext } from "../../../ui/NamedId";
import { ProblemPanel } from "../../../ui/ProblemPanel";

type SayAvailableProps = { sources: readonly string[]; onSaid: () => void };

/** Say what the bank shows for a source account at this moment. */
export function SayAvailable({ sources, onSaid }: SayAvailableProps): ReactElement {
  const text = useText();
  const [source, setSource] = useState(sources[0] ?? "");
  const [amount, setAmount] = useState("");
  const cents = readCents(amount);
  const saying = query.useMutation("post", "/api/v1/finance/available", {
    onSuccess: () => {
      setAmount("");
      onSaid();
    },
  });
  const nameOf = use(NamesContext);
  const canSay = cents !== null && source !== "" && !saying.isPending;
  return (
    <FormGrid
      onSubmit={(event) => {
        event.preventDefault();
        if (canSay) saying.mutate({ body: { source_account_id: source, available_cents: cents } });
      }}
    >
      {saying.error && <ProblemPanel error={saying.error} />}
      <ButtonRow style={{ alignItems: "end" }}>
        <Field>
          <T id="column.source" />
          <Select
            style={{ width: "18rem" }}
            value={source}
            onChange={(event) => setSource(event.target.value)}
          >
            {sources.map((id) => (
              <option key={id} value={id}>
                {[nameOf("source", id), shortId(id)].filter(Boolean).join(" · ")}
              </option>
            ))}
          </Select>
        </Field>
        <Field>
          <T id="money-needed.shows" />
          <Input
            style={{ width: "10rem" }}
            inputMode="decimal"
            value={amount}
            aria-invalid={amount !== "" && cents === null}
            onChange={(event) => setAmount(event.target.value)}
          />
        </Field>
        <Button type="submit" variant="outlined" disabled={!canSay}>
          {text(saying.isPending ? "working" : "money-needed.say")}
        </Button>
      </ButtonRow>
    </FormGrid>
  );
}
