import type { ReactElement } from "react";
import { useBatchQuery } from "../api/batchQuery";
import { T } from "../i18n/i18n";
import { PlainDate, ShortId } from "../ui/format";
import { Link } from "../ui/links";
import { Notice } from "../ui/Notice";

/** Which roster this one is compared with, and whether they are the same. */
export function ComparedWith({ batchId, same }: { batchId: string; same: boolean }): ReactElement {
  const { data: previous } = useBatchQuery(batchId);
  return (
    <Notice tone={same ? "success" : "info"}>
      <T id="changes.against" />{" "}
      <Link to="/batches/$batchId" params={{ batchId }}>
        {previous?.filename ?? <ShortId id={batchId} />}
      </Link>
      {previous && (
        <>
          {" "}
          · <T id="batch.period" values={{ day: <PlainDate date={previous.period} /> }} />
        </>
      )}{" "}
      (<ShortId id={batchId} />
      ). <T id={same ? "changes.none" : "changes.advice"} />
    </Notice>
  );
}
