/** The holds that stand: people, loans, branches and sources that are not paid for now. */
import { keepPreviousData } from "@tanstack/react-query";
import { type ReactElement, useState } from "react";
import { api, type Hold, query } from "../api/client";
import { cursorOfPage } from "../api/paging";
import { hasRole } from "../api/session";
import { useSignedIn } from "../api/signedIn";
import { T, useApiText, useText } from "../i18n/i18n";
import { ActionButton } from "../ui/ActionButton";
import { useAddress } from "../ui/address";
import { Card } from "../ui/Card";
import { DateTime } from "../ui/format";
import { HeldThing } from "../ui/HeldThing";
import { HoldDays } from "../ui/HoldDays";
import { Empty } from "../ui/Loading";
import { type Column, ListTable } from "../ui/ListTable";
import { Page } from "../ui/Page";
import { Pager } from "../ui/Pager";
import { pageNumber } from "../ui/paging";
import { QueryView } from "../ui/QueryView";
import { usePager } from "../ui/usePager";

const SIZE = 25;

export default function HoldsPage(): ReactElement {
  const [lifted, setLifted] = useState(false);
  const text = useText();
  const [{ page }, change] = useAddress();
  const cursor = cursorOfPage(pageNumber(page), SIZE);
  const holds = query.useQuery(
    "get",
    "/api/v1/holds",
    { params: { query: { lifted, limit: SIZE, cursor } } },
    { placeholderData: keepPreviousData },
  );
  const pager = usePager(holds.data, SIZE);
  const lift: Column<Hold> = {
    header: "holds.lift",
    cell: (hold) => <Lift hold={hold} onLifted={() => void holds.refetch()} />,
  };
  return (
    <Page title={text("nav.holds")} lead={<T id="holds.lead" />}>
      <Card title={<T id="holds.list" values={{ n: holds.data?.total ?? 0 }} />}>
        <label>
          <input
            type="checkbox"
            checked={lifted}
            onChange={(event) => {
              setLifted(event.target.checked);
              change({ page: "" });
            }}
          />{" "}
          <T id="holds.lifted" />
        </label>
        <QueryView query={holds}>
          {({ items }) =>
            items.length > 0 ? (
              <ListTable
                label={text("nav.holds")}
                rows={items}
                rowId={(hold) => hold.hold_id}
                columns={[...COLUMNS, lift]}
              />
            ) : (
              <Empty>
                <T id="holds.none" />
              </Empty>
            )
          }
        </QueryView>
        <Pager {...pager} />
      </Card>
    </Page>
  );
}

const COLUMNS: readonly Column<Hold>[] = [
  { header: "holds.what", wide: true, cell: (hold) => <HeldThing hold={hold} /> },
  { header: "holds.days", cell: (hold) => <HoldDays {...hold} /> },
  {
    header: "holds.who",
    cell: (hold) => (
      <>
        {hold.set_by} · <DateTime at={hold.set_at} />
      </>
    ),
  },
  {
    header: "column.reason",
    wide: true,
    cell: (hold) => [hold.reason, hold.evidence].filter(Boolean).join(" · "),
  },
];

type LiftProps = { hold: Hold; onLifted: () => void };

/** A button for approvers that lifts the hold; who lifted it and why if somebody has. */
function Lift({ hold, onLifted }: LiftProps): ReactElement {
  const { me } = useSignedIn();
  if (hold.lifted_by !== null)
    return (
      <>
        {hold.lifted_by} · <DateTime at={hold.lifted_at} /> · {hold.lift_reason}
      </>
    );
  if (!hasRole(me, "approver")) return <>—</>;
  return <LiftButton hold={hold} onLifted={onLifted} />;
}

function LiftButton({ hold, onLifted }: LiftProps): ReactElement {
  const text = useText();
  const apiText = useApiText();
  const title = text("holds.lift.one", { what: apiText(hold.shown, "values") });
  const params = { path: { hold_id: hold.hold_id } };
  return (
    <ActionButton
      name={text("holds.lift")}
      button={{ size: "small", "aria-label": title }}
      title={title}
      tone="warning"
      reason="required"
      send={(reason) => api.POST("/api/v1/holds/{hold_id}/lift", { params, body: { reason } })}
      onDone={onLifted}
    >
      <p>
        <T id="holds.lift.means" />
      </p>
    </ActionButton>
  );
}
