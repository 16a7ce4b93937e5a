import type { ReactElement } from "react";
import { query } from "../../../api/client";
import { T, useApiText } from "../../../i18n/i18n";
import { MutedText } from "../../../ui/layout";
import { WithShortIds } from "../../../ui/WithShortIds";

const EXAMPLES = 5;

/** The first places of a warning: the row of the file, and what is unusual there. */
export function WarningExamples({
  batchId,
  code,
}: {
  batchId: string;
  code: string;
}): ReactElement | null {
  const { data } = query.useQuery("get", "/api/v1/batches/{batch_id}/issues", {
    params: { path: { batch_id: batchId }, query: { code, limit: EXAMPLES } },
  });
  const apiText = useApiText();
  if (!data) return null;
  return (
    <>
      {data.items.map(({ file_row: row, value }) => (
        <MutedText key={`${row}|${value}`} style={{ display: "block" }}>
          {row ? (
            <T
              id="approval.example-row"
              values={{ row, value: <WithShortIds text={apiText(value, "values")} /> }}
            />
          ) : (
            <WithShortIds text={apiText(value, "values")} />
          )}
        </MutedText>
      ))}
    </>
  );
}
