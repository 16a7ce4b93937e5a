import type { ReactElement } from "react";
import type { RosterChange, RosterChangeSide } from "../../../api/client";
import { T, useText } from "../../../i18n/i18n";
import { useAddress } from "../../../ui/address";
import { Card } from "../../../ui/Card";
import { Filters, OptionField } from "../../../ui/Filters";
import { Money, ShortId } from "../../../ui/format";
import { NamedId } from "../../../ui/NamedId";
import { type Column, ListTable } from "../../../ui/ListTable";
import { Empty } from "../../../ui/Loading";
import { Pager } from "../../../ui/Pager";
import { usePager } from "../../../ui/usePager";
import { CHANGE_KINDS } from "../../changeKinds";

export const CHANGE_LIST_SIZE = 50;
const SORTS = ["position", "-swing_cents", "employee_id"] as const;

type ChangeListProps = {
  page: { items: RosterChange[]; total: number; next: string | null };
  busy: boolean;
};

/** Every change, with both sides. */
export function ChangeList({ page, busy }: ChangeListProps): ReactElement {
  const text = useText();
  const pager = usePager(page, CHANGE_LIST_SIZE);
  return (
    <Card title={<T id="changes.title" />}>
      <ChangeFilters />
      {page.items.length === 0 ? (
        <Empty>
          <T id="empty.filtered" />
        </Empty>
      ) : (
        <div aria-busy={busy}>
          <ListTable
            label={text("changes.title")}
            rows={page.items}
            rowId={(one) => JSON.stringify([one.kind, one.employee_id, one.before, one.after])}
            columns={COLUMNS}
          />
        </div>
      )}
      <Pager {...pager} />
    </Card>
  );
}

function ChangeFilters(): ReactElement {
  const [search, change] = useAddress();
  return (
    <Filters find="changes.find">
      <OptionField
        label="column.kind"
        value={search.kind ?? ""}
        any="filter.any"
        options={CHANGE_KINDS}
        optionLabel={(kind) => `change.${kind}`}
        onChange={(kind) => change({ kind })}
      />
      <OptionField
        label="filter.sort"
        value={search.sort ?? "position"}
        options={SORTS}
        optionLabel={(sort) => `changes.sort.${sort}`}
        onChange={(sort) => change({ sort })}
      />
    </Filters>
  );
}

const COLUMNS: readonly Column<RosterChange>[] = [
  { header: "column.kind", cell: (change) => <T id={`change.${change.kind}`} /> },
  {
    header: "column.employee",
    wide: true,
    cell: (change) => (
      <>
        {change.first_name} {change.last_name} · <ShortId id={change.employee_id} />
      </>
    ),
  },
  { header: "changes.before", cell: (change) => <Side side={change.before} /> },
  { header: "changes.after", cell: (change) => <Side side={change.after} /> },
  {
    header: "changes.difference",
    numeric: true,
    cell: ({ before, after }) => (
      <Money cents={(after?.amount_cents ?? 0) - (before?.amount_cents ?? 0)} />
    ),
  },
];

/** One side of a change. The API leaves out what does not belong to this kind of change. */
function Side({ side }: { side: RosterChangeSide | null }): ReactElement {
  if (!side) return <T id="changes.absent" />;
  return (
    <>
      <div>
        <Money cents={side.amount_cents} />
        {side.rows > 1 && (
          <>
            {" "}
            · <T id="rows.count" values={{ n: side.rows }} />
          </>
        )}
      </div>
      {side.loan_last4 && (
        <div>
          {side.institution_id} ****{side.loan_last4}
        </div>
      )}
      {side.sources.map((source) => (
        <SourceAccount key={source} text={source} />
      ))}
      {side.branch_ids.map((branch) => (
        <div key={branch}>
          <NamedId kind="branch" id={branch} />
        </div>
      ))}
    </>
  );
}

/** A source account as the API names it, "CORP-… …1234", with its id shortened. */
function SourceAccount({ text }: { text: string }): ReactElement {
  const [id = "", ...lastDigits] = text.split(" ");
  return (
    <div>
      <NamedId kind="source" id={id} /> {lastDigits.join(" ")}
    </div>
  );
}
