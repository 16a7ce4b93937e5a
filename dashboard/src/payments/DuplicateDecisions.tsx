/**
 * What became of the second of two live provider payments. One person proposes it, and another one,
 * an approver, confirms it. Until then the batch gets no certificate.
 */
import type { ReactElement } from "react";
import { api, type Duplicate } from "../api/client";
import { hasRole } from "../api/session";
import { useSignedIn } from "../api/signedIn";
import { T } from "../i18n/i18n";
import { Card } from "../ui/Card";
import { DecideButton } from "../ui/DecideButton";
import { Code, DateTime } from "../ui/format";
import { Notice } from "../ui/Notice";

type Act = NonNullable<Duplicate["act"]>;
const ACTS: readonly Act[] = ["ended", "recovered", "accepted"];

type DuplicateDecisionsProps = { duplicates: readonly Duplicate[]; onDecided: () => void };

/** Every finding of a payment, oldest first; nothing while there is none. */
export function DuplicateDecisions(props: DuplicateDecisionsProps): ReactElement | null {
  if (props.duplicates.length === 0) return null;
  return (
    <Card title={<T id="duplicate.title" />}>
      {props.duplicates.map((found) => (
        <Finding key={found.found_at} found={found} onDecided={props.onDecided} />
      ))}
    </Card>
  );
}

type FindingProps = { found: Duplicate; onDecided: () => void };

function Finding({ found, onDecided }: FindingProps): ReactElement {
  const { me } = useSignedIn();
  return (
    <Notice tone={found.decided_at ? "neutral" : "error"} live>
      <p>
        <T
          id="duplicate.found"
          values={{ at: <DateTime at={found.found_at} />, alive: found.alive }}
        />{" "}
        <Code>{found.provider_payment_ids.join(", ")}</Code>
      </p>
      {found.act && found.proposed_by && (
        <p>
          <T
            id={found.decided_at ? "duplicate.decided" : "duplicate.proposed"}
            values={{
              act: <T id={`duplicate.${found.act}`} />,
              who: found.proposed_by,
              approver: found.decided_by ?? "",
              why: found.reason,
            }}
          />
        </p>
      )}
      {!found.decided_at &&
        (hasRole(me, "approver", "preparer") ? (
          <Decide found={found} onDecided={onDecided} />
        ) : (
          <T id="held.others" />
        ))}
    </Notice>
  );
}

function Decide({ found, onDecided }: FindingProps): ReactElement {
  return (
    <DecideButton<Act>
      button="duplicate.decide"
      title="duplicate.title"
      confirm="explain.send"
      dialog={`duplicate-${found.payment_id}`}
      question="duplicate.question"
      acts={ACTS}
      actLabel={(act) => `duplicate.${act}`}
      first={found.act ?? "ended"}
      send={(act, reason) =>
        api.POST("/api/v1/payments/{payment_id}/duplicate", {
          params: { path: { payment_id: found.payment_id } },
          body: { act, reason },
        })
      }
      onSettled={onDecided}
      above={
        <p>
          <T id="duplicate.means" />
        </p>
      }
    />
  );
}
