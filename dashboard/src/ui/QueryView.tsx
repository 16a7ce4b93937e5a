import type { ReactElement, ReactNode } from "react";
import { Loading } from "./Loading";
import { ProblemPanel } from "./ProblemPanel";

/** What this needs of a query of TanStack Query. */
export type Query<D> = {
  data: D | undefined;
  error: unknown;
  isPending: boolean;
  refetch: () => unknown;
};

type QueryViewProps<D> = { query: Query<D>; children: (data: D) => ReactNode };

/**
 * The answer to a query: a loading sign, then the data. After an error the panel says so, above the
 * last data if there is any.
 */
export function QueryView<D>({ query, children }: QueryViewProps<D>): ReactElement {
  return (
    <>
      {Boolean(query.error) && (
        <ProblemPanel error={query.error} retry={() => void query.refetch()} />
      )}
      {query.isPending && <Loading />}
      {query.data !== undefined && children(query.data)}
    </>
  );
}
