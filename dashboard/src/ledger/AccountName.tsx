import type { ReactElement } from "react";
import { T } from "../i18n/i18n";
import { NamedId } from "../ui/NamedId";

/** The name of a ledger account, `source:<id>` or `branch:<id>`, in words. */
export function AccountName({ account }: { account: string }): ReactElement {
  const [kind, id = ""] = account.split(":");
  return (
    <span title={account}>
      <T id={kind === "source" ? "ledger.source" : "ledger.branch"} />{" "}
      <NamedId kind={kind === "source" ? "source" : "branch"} id={id} />
    </span>
  );
}
