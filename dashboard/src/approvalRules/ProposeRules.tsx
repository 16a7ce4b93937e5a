import Button from "@mui/material/Button";
import { type ReactElement, useState } from "react";
import { type ApprovalRules, query, type TriedRules } from "../api/client";
import { T, useText } from "../i18n/i18n";
import { Card } from "../ui/Card";
import { Field, Input } from "../ui/fields";
import { ButtonRow } from "../ui/layout";
import { ProblemPanel } from "../ui/ProblemPanel";
import { RuleFields } from "./RuleFields";
import { draftOf, type RuleDraft, rulesOf, withNewRule } from "./rulesDraft";
import { TriedTable } from "./TriedTable";

type ProposeRulesProps = { current: ApprovalRules | null; onProposed: () => void };

/** Writes rules, tries them out on batches that were approved, and proposes what was tried out. */
export function ProposeRules({ current, onProposed }: ProposeRulesProps): ReactElement {
  const [draft, setDraft] = useState(() => draftOf(current?.rules ?? []));
  const text = useText();
  const tryOut = query.useMutation("post", "/api/v1/approval-rules");
  const rules = rulesOf(draft);
  const base = current?.rules_version ?? 0;
  const change = (changed: RuleDraft[]) => {
    setDraft(changed);
    tryOut.reset();
  };
  return (
    <Card title={<T id="rules.propose" />}>
      <p>
        <T id="rules.propose.means" />
      </p>
      {draft.map((rule, place) => (
        <RuleFields
          key={rule.id}
          number={place + 1}
          rule={rule}
          onChange={(one) => change(draft.with(place, one))}
          onRemove={() => change(draft.toSpliced(place, 1))}
        />
      ))}
      <ButtonRow>
        <Button onClick={() => change(withNewRule(draft))}>
          <T id="rules.add" />
        </Button>
        <Button
          variant="outlined"
          disabled={rules === null || tryOut.isPending}
          onClick={() =>
            tryOut.mutate({ body: { base, rules: rules ?? [], reason: "-", dry_run: true } })
          }
        >
          {text(tryOut.isPending ? "working" : "rules.try")}
        </Button>
      </ButtonRow>
      {tryOut.error && <ProblemPanel error={tryOut.error} />}
      {tryOut.data && <TriedOut tried={tryOut.data} base={base} onProposed={onProposed} />}
    </Card>
  );
}

type TriedOutProps = { tried: TriedRules; base: number; onProposed: () => void };

/** What the try-out showed, and the button that proposes exactly these rules. */
function TriedOut({ tried, base, onProposed }: TriedOutProps): ReactElement {
  const [reason, setReason] = useState("");
  const text = useText();
  const propose = query.useMutation("post", "/api/v1/approval-rules", { onSuccess: onProposed });
  const rules = tried.rules.map(({ scope, source_account_id, from_cents }) => ({
    scope,
    source_account_id,
    from_cents,
  }));
  return (
    <>
      <TriedTable tried={tried} />
      <Field>
        <T id="reason.required" />
        <Input value={reason} maxLength={500} onChange={(event) => setReason(event.target.value)} />
      </Field>
      <ButtonRow style={{ marginTop: 12 }}>
        <Button
          variant="contained"
          disabled={propose.isPending || reason.trim() === ""}
          onClick={() =>
            propose.mutate({ body: { base, rules, reason: reason.trim(), dry_run: false } })
          }
        >
          {text(propose.isPending ? "working" : "rules.propose.act")}
        </Button>
      </ButtonRow>
      {propose.error && <ProblemPanel error={propose.error} unsafe />}
    </>
  );
}
