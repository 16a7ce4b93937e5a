/** A button for who may hold people: asks what of the newest row is held, until when, and why. */
import Button from "@mui/material/Button";
import { type ReactElement, useState } from "react";
import type { EmployeeRow } from "../api/client";
import { hasRole } from "../api/session";
import { useSignedIn } from "../api/signedIn";
import { HoldDialog } from "../batch/HoldDialog";
import { T } from "../i18n/i18n";

type HoldEmployeeProps = { row: EmployeeRow; onHeld: () => void };

export function HoldEmployee({ row, onHeld }: HoldEmployeeProps): ReactElement | null {
  const { me } = useSignedIn();
  const [open, setOpen] = useState(false);
  if (!hasRole(me, "preparer", "approver")) return null;
  return (
    <>
      <Button size="small" variant="outlined" onClick={() => setOpen(true)}>
        <T id="employee.hold" />
      </Button>
      {open && (
        <HoldDialog
          row={row}
          onClose={() => setOpen(false)}
          onDone={() => {
            setOpen(false);
            onHeld();
          }}
        />
      )}
    </>
  );
}
