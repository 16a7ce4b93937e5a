import type { ReactElement } from "react";
import type { Batch } from "../api/client";
import { Link } from "../ui/links";
import type { Search } from "../ui/search";

/** Rows of the file behind a number. */
export function RowsLink({
  batch,
  search,
  children,
}: {
  batch: Batch;
  search: Search;
  children: ReactElement;
}): ReactElement {
  return (
    <Link to="/batches/$batchId/rows" params={{ batchId: batch.batch_id }} search={search}>
      {children}
    </Link>
  );
}
