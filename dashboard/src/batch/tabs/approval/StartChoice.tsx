import MenuItem from "@mui/material/MenuItem";
import TextField from "@mui/material/TextField";
import type { ReactElement } from "react";
import { T, useText } from "../../../i18n/i18n";
import { DateTime, PlainDate } from "../../../ui/format";
import type { Approval } from "./useApproval";

const AT_ONCE = "";

/** When sending may begin. The second of two approvers approves what the first one chose. */
export function StartChoice({ approval }: { approval: Approval }): ReactElement | null {
  const text = useText();
  const { current, startAt, setStartAt } = approval;
  if (current.first_approval)
    return startAt ? (
      <p>
        <T id="start.first" values={{ at: <DateTime at={startAt} /> }} />
      </p>
    ) : null;
  if (current.start_choices.length === 0) return null;
  return (
    <TextField
      select
      fullWidth
      sx={{ mt: 2 }}
      label={text("start.label")}
      helperText={text("start.help")}
      value={startAt ?? AT_ONCE}
      onChange={(event) => setStartAt(event.target.value || null)}
      slotProps={{ select: { displayEmpty: true }, inputLabel: { shrink: true } }}
    >
      <MenuItem value={AT_ONCE}>
        <T id="start.at-once" />
      </MenuItem>
      {current.start_choices.map((choice) => (
        <MenuItem key={choice.kind} value={choice.start_at} sx={{ whiteSpace: "normal" }}>
          <span>
            <T
              id={`start.${choice.kind}`}
              values={{
                at: <DateTime at={choice.start_at} />,
                arrives: <PlainDate date={choice.arrives_on} />,
              }}
            />
          </span>
        </MenuItem>
      ))}
    </TextField>
  );
}
