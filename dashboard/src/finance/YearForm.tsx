import Button from "@mui/material/Button";
import { useQueryClient } from "@tanstack/react-query";
import { type ReactElement, useState } from "react";
import { query } from "../api/client";
import { T, useText } from "../i18n/i18n";
import { Field, Input } from "../ui/fields";
import { ButtonRow } from "../ui/layout";
import { ProblemPanel } from "../ui/ProblemPanel";

const FIRST_YEAR = 2000;
const LAST_YEAR = 2100;

/** Makes the list of a year: each employee beside the limit that is free of tax. */
export function YearForm(): ReactElement {
  const text = useText();
  const queries = useQueryClient();
  const [year, setYear] = useState(() => String(new Date().getFullYear()));
  const making = query.useMutation("post", "/api/v1/finance/yearly", {
    onSuccess: () =>
      void queries.invalidateQueries({ queryKey: ["get", "/api/v1/finance/reports"] }),
  });
  const wanted = Number(year);
  const canMake = wanted >= FIRST_YEAR && wanted <= LAST_YEAR && !making.isPending;
  return (
    <form
      style={{ margin: "16px 0" }}
      onSubmit={(event) => {
        event.preventDefault();
        if (canMake) making.mutate({ body: { year: wanted } });
      }}
    >
      {making.error && <ProblemPanel error={making.error} />}
      <p>
        <T id="finance.year.means" />
      </p>
      <ButtonRow style={{ alignItems: "flex-end" }}>
        <Field>
          <T id="finance.year" />
          <Input
            type="number"
            style={{ width: "8rem" }}
            min={FIRST_YEAR}
            max={LAST_YEAR}
            value={year}
            onChange={(event) => setYear(event.target.value)}
          />
        </Field>
        <Button type="submit" variant="outlined" disabled={!canMake}>
          {text(making.isPending ? "working" : "finance.year.make")}
        </Button>
      </ButtonRow>
    </form>
  );
}
