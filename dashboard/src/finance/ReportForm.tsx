import Button from "@mui/material/Button";
import Checkbox from "@mui/material/Checkbox";
import FormControlLabel from "@mui/material/FormControlLabel";
import { type ReactElement, useState } from "react";
import { T, useText } from "../i18n/i18n";
import { Field, Input } from "../ui/fields";
import { ButtonRow, FormGrid } from "../ui/layout";
import { DIMENSIONS, type Dimension, isComplete, type WantedReport } from "./reportOrder";

type ReportFormProps = { busy: boolean; onSubmit: (wanted: WantedReport) => void };

/** Dates, batches, and what the lines are grouped by. */
export function ReportForm({ busy, onSubmit }: ReportFormProps): ReactElement {
  const text = useText();
  const [wanted, setWanted] = useState<WantedReport>({
    fromDay: "",
    toDay: "",
    batches: "",
    by: ["source", "month"],
  });
  const change = (by: Partial<WantedReport>) => setWanted({ ...wanted, ...by });
  return (
    <FormGrid
      onSubmit={(event) => {
        event.preventDefault();
        if (isComplete(wanted) && !busy) onSubmit(wanted);
      }}
    >
      <ButtonRow>
        <DayField
          label="finance.from"
          value={wanted.fromDay}
          onChange={(fromDay) => change({ fromDay })}
        />
        <DayField label="finance.to" value={wanted.toDay} onChange={(toDay) => change({ toDay })} />
      </ButtonRow>
      <Field>
        <T id="finance.batch-ids" />
        <Input
          value={wanted.batches}
          onChange={(event) => change({ batches: event.target.value })}
        />
      </Field>
      <Dimensions chosen={wanted.by} onChange={(by) => change({ by })} />
      <Button type="submit" variant="contained" disabled={!isComplete(wanted) || busy}>
        {text(busy ? "working" : "finance.make")}
      </Button>
    </FormGrid>
  );
}

type DayFieldProps = {
  label: "finance.from" | "finance.to" | "finance.through";
  value: string;
  max?: string;
  onChange: (day: string) => void;
};

/** A day, chosen or typed. */
export function DayField({ label, value, max, onChange }: DayFieldProps): ReactElement {
  return (
    <Field>
      <T id={label} />
      <Input
        type="date"
        style={{ width: "12rem" }}
        value={value}
        max={max}
        onChange={(event) => onChange(event.target.value)}
      />
    </Field>
  );
}

type DimensionsProps = {
  chosen: readonly Dimension[];
  onChange: (chosen: readonly Dimension[]) => void;
};

function Dimensions({ chosen, onChange }: DimensionsProps): ReactElement {
  return (
    <fieldset style={{ border: 0, padding: 0, margin: 0 }}>
      <legend>
        <T id="finance.group" />
      </legend>
      {DIMENSIONS.map((dimension) => (
        <FormControlLabel
          key={dimension}
          label={<T id={`finance.by.${dimension}`} />}
          control={
            <Checkbox
              checked={chosen.includes(dimension)}
              onChange={(event) =>
                onChange(
                  event.target.checked
                    ? [...chosen, dimension]
                    : chosen.filter((one) => one !== dimension),
                )
              }
            />
          }
        />
      ))}
    </fieldset>
  );
}
