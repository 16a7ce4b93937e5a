import type { ReactElement, ReactNode } from "react";
import { Link } from "../ui/links";
import type { Search } from "../ui/search";

type RowsLinkProps = { batchId: string; search: Search; children: ReactNode };

/** A link to the rows of the file that a number counts. */
export function RowsLink({ batchId, search, children }: RowsLinkProps): ReactElement {
  return (
    <Link to="/batches/$batchId/rows" params={{ batchId }} search={search}>
      {children}
    </Link>
  );
}
