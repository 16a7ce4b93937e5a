import Checkbox from "@mui/material/Checkbox";
import FormControlLabel from "@mui/material/FormControlLabel";
import type { ReactElement } from "react";
import type { NotificationEvent } from "../../api/client";
import { T, useText } from "../../i18n/i18n";

type EventFieldsProps = {
  events: readonly NotificationEvent[];
  chosen: readonly NotificationEvent[];
  busy?: boolean;
  onChange: (chosen: NotificationEvent[]) => void;
};

/** A tick for each event that a channel can be told of. */
export function EventFields(props: EventFieldsProps): ReactElement {
  const { events, chosen, busy = false, onChange } = props;
  const text = useText();
  const change = (event: NotificationEvent, on: boolean) =>
    onChange(on ? [...chosen, event] : chosen.filter((one) => one !== event));
  return (
    <fieldset style={{ border: 0, padding: 0, margin: 0, minWidth: 0 }}>
      <legend>
        <T id="notifications.events" />
      </legend>
      <div
        style={{
          display: "grid",
          gridTemplateColumns: "repeat(auto-fill, minmax(min(100%, 260px), 1fr))",
        }}
      >
        {events.map((event) => (
          <FormControlLabel
            key={event}
            label={text(`notifications.event.${event}`)}
            control={
              <Checkbox
                checked={chosen.includes(event)}
                disabled={busy}
                onChange={(changed) => change(event, changed.target.checked)}
              />
            }
          />
        ))}
      </div>
    </fieldset>
  );
}
