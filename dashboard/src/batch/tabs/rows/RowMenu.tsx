/**
 * What can be done with one row, as a menu in the grid: the arrow keys lead to it, Enter opens it.
 */
import {
  GridActionsCell,
  GridActionsCellItem,
  type GridColDef,
  type GridRenderCellParams,
} from "@mui/x-data-grid";
import { useNavigate } from "@tanstack/react-router";
import type { ReactElement } from "react";
import type { Batch } from "../../../api/client";
import { hasRole, PERSONAL_ROLES, type Person } from "../../../api/session";
import { type MessageId, type useText, useText as useWords } from "../../../i18n/i18n";
import { mayDecide, mayInclude, mayRedirect } from "../../decision";
import type { Asked } from "../../RowDialog";
import type { ShownRow } from "./rowColumns";

/** An entry of the menu: what it asks for, or null where it opens the person's page. */
export type RowAction = { label: MessageId; asks: Asked | null };

/** What this person can do with a row now; nothing for who can only read. */
export function rowActions(batch: Batch, me: Person, row: ShownRow): RowAction[] {
  const actions: RowAction[] = [];
  const target = { row_ids: [row.row_id] };
  if (mayDecide(batch, me)) {
    actions.push({ label: "row.exclude", asks: { act: "exclude", target } });
    if (row.employee_id) {
      const person = { employee_id: row.employee_id };
      actions.push({ label: "decide.exclude.person", asks: { act: "exclude", target: person } });
    }
    if (mayRedirect(row))
      actions.push({ label: "decide.redirect.open", asks: { act: "redirect", row } });
    if (mayInclude([row], me))
      actions.push({ label: "row.include", asks: { act: "include", target } });
  }
  if (hasRole(me, "preparer", "approver"))
    actions.push({ label: "hold.row", asks: { act: "hold", row } });
  if (hasRole(me, ...PERSONAL_ROLES) && row.person_id)
    actions.push({ label: "row.person", asks: null });
  return actions;
}

/** The column with the menu of each row. */
export function menuColumn(
  text: ReturnType<typeof useText>,
  actionsOf: (row: ShownRow) => RowAction[],
  onAsk: (asked: Asked) => void,
): GridColDef<ShownRow> {
  return {
    field: "actions",
    type: "actions",
    headerName: text("row.menu"),
    width: 84,
    renderCell: (cell) => <RowMenu cell={cell} actions={actionsOf(cell.row)} onAsk={onAsk} />,
  };
}

type RowMenuProps = {
  cell: GridRenderCellParams<ShownRow>;
  actions: readonly RowAction[];
  onAsk: (asked: Asked) => void;
};

function RowMenu({ cell, actions, onAsk }: RowMenuProps): ReactElement {
  const text = useWords();
  const navigate = useNavigate();
  const { person_id: personId } = cell.row;
  return (
    <GridActionsCell {...cell}>
      {actions.map(({ label, asks }) => (
        <GridActionsCellItem
          key={label}
          showInMenu
          label={text(label)}
          onClick={() =>
            asks ? onAsk(asks) : void navigate({ to: "/employees/$personId", params: { personId } })
          }
        />
      ))}
    </GridActionsCell>
  );
}
