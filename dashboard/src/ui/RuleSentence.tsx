import type { ReactElement } from "react";
import { T } from "../i18n/i18n";
import { Money } from "./format";

type RuleSentenceProps = {
  rule: { scope: "total" | "source"; source_account_id: string; from_cents: number };
};

/** A rule by amount in words: from which sum on two people must approve a batch. */
export function RuleSentence({ rule }: RuleSentenceProps): ReactElement {
  const values = {
    money: <Money cents={rule.from_cents} />,
    source: <b>{rule.source_account_id}</b>,
  };
  if (rule.scope === "total") return <T id="rule.total" values={values} />;
  return <T id={rule.source_account_id ? "rule.source" : "rule.any-source"} values={values} />;
}

/** Several rules, as a list. */
export function RuleList({ rules }: { rules: readonly RuleSentenceProps["rule"][] }): ReactElement {
  return (
    <ul>
      {rules.map((rule) => (
        <li key={`${rule.scope} ${rule.source_account_id}`}>
          <RuleSentence rule={rule} />
        </li>
      ))}
    </ul>
  );
}
