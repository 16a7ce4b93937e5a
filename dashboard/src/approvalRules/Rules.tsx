import type { ReactElement } from "react";
import type { ApprovalRule } from "../api/client";
import { T } from "../i18n/i18n";
import { RuleList } from "../ui/RuleSentence";

type RulesProps = { rules: readonly ApprovalRule[] | undefined };

/** The rules of a version, or that one approver is enough. */
export function Rules({ rules }: RulesProps): ReactElement {
  if (rules && rules.length > 0) return <RuleList rules={rules} />;
  return (
    <p>
      <T id="rules.none" />
    </p>
  );
}
