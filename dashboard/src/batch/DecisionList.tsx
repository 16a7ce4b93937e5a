/** Every decision about rows of the batch, with names and reasons. */
import Button from "@mui/material/Button";
import { Fragment, type ReactElement } from "react";
import { type Decision, query } from "../api/client";
import { hasRole, type Person } from "../api/session";
import { useSignedIn } from "../api/signedIn";
import { ApiText } from "../i18n/ApiText";
import { T, useText } from "../i18n/i18n";
import { Card } from "../ui/Card";
import { DateTime, Money } from "../ui/format";
import { type Column, ListTable } from "../ui/ListTable";
import { PersonLink } from "../ui/PersonLink";
import { ProblemPanel } from "../ui/ProblemPanel";
import { useBatch } from "./BatchContext";
import { mayDecide } from "./decision";

/** Whether this person may take the decision back: who has a role that may decide so. */
export function mayTakeBack(one: Decision, ready: boolean, me: Person): boolean {
  if (!ready || one.withdrawn_by !== null) return false;
  return one.act === "include" ? hasRole(me, "approver") : hasRole(me, "preparer", "approver");
}

export function DecisionList(): ReactElement | null {
  const { batch } = useBatch();
  const text = useText();
  const decisions = query.useQuery("get", "/api/v1/batches/{batch_id}/decisions", {
    params: { path: { batch_id: batch.batch_id } },
  });
  if (decisions.error)
    return <ProblemPanel error={decisions.error} retry={() => void decisions.refetch()} />;
  const items = decisions.data?.items ?? [];
  if (items.length === 0) return null;
  return (
    <Card title={<T id="decisions.title" values={{ n: items.length }} />}>
      <ListTable
        label={text("decisions.label")}
        rows={items}
        rowId={(one) => one.decision_id}
        columns={[
          ...COLUMNS,
          {
            header: "decisions.take-back",
            cell: (one) => <TakeBack decision={one} onDone={() => void decisions.refetch()} />,
          },
        ]}
      />
    </Card>
  );
}

/** So many people of a decision are named by the API. */
const PEOPLE_MAX = 3;

const COLUMNS: readonly Column<Decision>[] = [
  {
    header: "decisions.what",
    wide: true,
    cell: (one) => (
      <>
        <T id={`decision.${one.act}`} />: <ApiText text={one.target} kind="values" />
        <People decision={one} />
        {one.change && (
          <>
            {" · "}
            <ApiText text={one.change} kind="values" />
          </>
        )}
      </>
    ),
  },
  { header: "decisions.rows", numeric: true, cell: (one) => one.rows },
  { header: "column.amount", numeric: true, cell: (one) => <Money cents={one.amount_cents} /> },
  {
    header: "decisions.who",
    cell: (one) => (
      <>
        {one.decided_by} · <DateTime at={one.decided_at} />
      </>
    ),
  },
  {
    header: "column.reason",
    wide: true,
    cell: (one) => [one.reason, one.evidence].filter(Boolean).join(" · "),
  },
];

/** The people of the first rows, for those who may see them. */
function People({ decision }: { decision: Decision }): ReactElement {
  return (
    <>
      {decision.people.map((person) => (
        <Fragment key={person.person_id}>
          {" · "}
          <PersonLink person={person} />
        </Fragment>
      ))}
      {decision.people.length >= PEOPLE_MAX && decision.rows > PEOPLE_MAX && " · …"}
    </>
  );
}

type TakeBackProps = { decision: Decision; onDone: () => void };

/** A button that takes the decision back; who did it if somebody has. */
function TakeBack({ decision, onDone }: TakeBackProps): ReactElement {
  const { batch, reload } = useBatch();
  const { me } = useSignedIn();
  const take = query.useMutation("delete", "/api/v1/batches/{batch_id}/decisions/{decision_id}", {
    onSettled: () => {
      onDone();
      void reload();
    },
  });
  if (decision.withdrawn_by !== null)
    return (
      <>
        {decision.withdrawn_by} · <DateTime at={decision.withdrawn_at} />
      </>
    );
  if (!mayTakeBack(decision, mayDecide(batch, me), me)) return <>—</>;
  const path = { batch_id: batch.batch_id, decision_id: decision.decision_id };
  return (
    <>
      <Button
        size="small"
        variant="outlined"
        disabled={take.isPending}
        onClick={() => take.mutate({ params: { path } })}
      >
        <T id="decisions.take-back" />
      </Button>
      {take.error && <ProblemPanel error={take.error} unsafe />}
    </>
  );
}
