/**
 * What can be done with the selected rows, or with all rows that the filter finds: exclude, include,
 * accept a changed person, mend, redirect a loan, or hold for later batches too.
 */
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import type { ReactElement } from "react";
import type { Row } from "../api/client";
import { useSignedIn } from "../api/signedIn";
import { T } from "../i18n/i18n";
import { useAddress } from "../ui/address";
import {
  filterTarget,
  lacksMerchant,
  mayAccept,
  mayInclude,
  mayRedirect,
  type Target,
} from "./decision";
import type { Asked } from "./RowDialog";

type RowDecisionsProps = {
  selected: readonly Row[];
  /** How many rows the filter finds. */
  total: number;
  onAsk: (asked: Asked) => void;
};

export default function RowDecisions({ selected, total, onAsk }: RowDecisionsProps): ReactElement {
  const [search] = useAddress();
  const found = filterTarget(search);
  return (
    <Box sx={{ display: "flex", flexWrap: "wrap", gap: 1, alignItems: "center", mb: 1.5 }}>
      {selected.length > 0 ? (
        <SelectionButtons selected={selected} onAsk={onAsk} />
      ) : found && total > 0 ? (
        <Button
          size="small"
          variant="outlined"
          onClick={() => onAsk({ act: "exclude", target: found })}
        >
          <T id="decide.exclude.found" values={{ n: total }} />
        </Button>
      ) : (
        <Box sx={{ color: "text.secondary" }}>
          <T id="decide.how" />
        </Box>
      )}
    </Box>
  );
}

type SelectionButtonsProps = { selected: readonly Row[]; onAsk: (asked: Asked) => void };

function SelectionButtons({ selected, onAsk }: SelectionButtonsProps): ReactElement {
  const { me } = useSignedIn();
  const target: Target = { row_ids: selected.map((row) => row.row_id) };
  const [only] = selected.length === 1 ? selected : [];
  return (
    <>
      <Button size="small" variant="outlined" onClick={() => onAsk({ act: "exclude", target })}>
        <T id="decide.exclude.rows" values={{ n: selected.length }} />
      </Button>
      {only?.employee_id && (
        <Button
          size="small"
          variant="outlined"
          onClick={() => onAsk({ act: "exclude", target: { employee_id: only.employee_id } })}
        >
          <T id="decide.exclude.person" />
        </Button>
      )}
      {only && mayAccept(only) && (
        <Button
          size="small"
          variant="outlined"
          onClick={() => onAsk({ act: "accept", target: { employee_id: only.employee_id } })}
        >
          <T id="decide.accept.person" />
        </Button>
      )}
      {only?.status === "unpayable" && <MendButtons row={only} onAsk={onAsk} />}
      {only && mayRedirect(only) && (
        <Button
          size="small"
          variant="outlined"
          onClick={() => onAsk({ act: "redirect", row: only })}
        >
          <T id="decide.redirect.open" />
        </Button>
      )}
      {mayInclude(selected, me) && (
        <Button
          size="small"
          variant="outlined"
          color="warning"
          onClick={() => onAsk({ act: "include", target })}
        >
          <T id="decide.include.rows" values={{ n: selected.length }} />
        </Button>
      )}
      {only && (
        <Button size="small" variant="outlined" onClick={() => onAsk({ act: "hold", row: only })}>
          <T id="hold.row" />
        </Button>
      )}
    </>
  );
}

type MendButtonsProps = { row: Row; onAsk: (asked: Asked) => void };

/** Name the merchant if that is missing; else the EIN of the source may be what is wrong. */
function MendButtons({ row, onAsk }: MendButtonsProps): ReactElement {
  const field = lacksMerchant(row) ? "merchant" : "ein";
  return (
    <Button size="small" variant="outlined" onClick={() => onAsk({ act: "mend", row, field })}>
      <T id={`decide.mend.${field}.open`} />
    </Button>
  );
}
