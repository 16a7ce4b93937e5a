import Button from "@mui/material/Button";
import type { ReactElement } from "react";
import { T, useText } from "../i18n/i18n";
import { Field, Input, Select } from "../ui/fields";
import { ButtonRow } from "../ui/layout";
import { readCents } from "../ui/money";
import type { RuleDraft } from "./rulesDraft";

type RuleFieldsProps = {
  number: number;
  rule: RuleDraft;
  onChange: (rule: RuleDraft) => void;
  onRemove: () => void;
};

/** One rule: of what the sum is, and from which amount on two people approve. */
export function RuleFields(props: RuleFieldsProps): ReactElement {
  const { number, rule, onChange, onRemove } = props;
  const text = useText();
  return (
    <fieldset style={{ border: 0, margin: "0 0 12px", padding: 0, minWidth: 0 }}>
      <legend>
        <T id="rules.rule" values={{ n: number }} />
      </legend>
      <ButtonRow style={{ alignItems: "end" }}>
        <Field>
          <T id="rules.sum-of" />
          <Select
            value={rule.scope}
            onChange={(event) =>
              onChange({ ...rule, scope: event.target.value === "total" ? "total" : "source" })
            }
          >
            <option value="total">{text("rules.sum-of.total")}</option>
            <option value="source">{text("rules.sum-of.source")}</option>
          </Select>
        </Field>
        {rule.scope === "source" && (
          <Field>
            <T id="rules.which-source" />
            <Input
              value={rule.source}
              maxLength={200}
              style={{ width: "14rem" }}
              onChange={(event) => onChange({ ...rule, source: event.target.value })}
            />
          </Field>
        )}
        <Field>
          <T id="rules.from" />
          <Input
            value={rule.amount}
            inputMode="decimal"
            style={{ width: "10rem" }}
            aria-invalid={rule.amount !== "" && readCents(rule.amount) === null}
            onChange={(event) => onChange({ ...rule, amount: event.target.value })}
          />
        </Field>
        <Button aria-label={text("rules.remove.one", { n: number })} onClick={onRemove}>
          <T id="rules.remove" />
        </Button>
      </ButtonRow>
    </fieldset>
  );
}
