/**
 * Differences from the previously approved roster: people, loans, source accounts, amounts,
 * branches.
 */
import { keepPreviousData } from "@tanstack/react-query";
import type { ReactElement } from "react";
import { query } from "../../../api/client";
import { cursorOfPage } from "../../../api/paging";
import { T } from "../../../i18n/i18n";
import { useAddress } from "../../../ui/address";
import { Loading } from "../../../ui/Loading";
import { Notice } from "../../../ui/Notice";
import { pageNumber } from "../../../ui/paging";
import { ProblemPanel } from "../../../ui/ProblemPanel";
import { useBatch } from "../../BatchContext";
import { CHANGE_KINDS } from "../../changeKinds";
import { ChangeCountTable } from "./ChangeCountTable";
import { ChangeList, CHANGE_LIST_SIZE } from "./ChangeList";
import { ComparedWith } from "../../ComparedWith";

export default function ChangesTab(): ReactElement {
  const { batch } = useBatch();
  const changes = useChanges(batch.batch_id);
  if (changes.error)
    return <ProblemPanel error={changes.error} retry={() => void changes.refetch()} />;
  if (!changes.data) return <Loading />;
  const { against: previous, counts } = changes.data;
  if (previous === null)
    return (
      <Notice tone="neutral">
        <T id="changes.no-previous" />
      </Notice>
    );
  const total = CHANGE_KINDS.reduce((sum, kind) => sum + counts[kind], 0);
  return (
    <>
      <ComparedWith batchId={previous} same={total === 0} />
      {total > 0 && (
        <>
          <ChangeCountTable counts={counts} total={total} />
          <ChangeList page={changes.data} busy={changes.isFetching} />
        </>
      )}
    </>
  );
}

function useChanges(batchId: string) {
  const [{ q, sort, kind: wanted, page }] = useAddress();
  const kind = CHANGE_KINDS.find((one) => one === wanted);
  const cursor = cursorOfPage(pageNumber(page), CHANGE_LIST_SIZE);
  return query.useQuery(
    "get",
    "/api/v1/batches/{batch_id}/changes",
    {
      params: {
        path: { batch_id: batchId },
        query: { limit: CHANGE_LIST_SIZE, cursor, kind, q, sort },
      },
    },
    { placeholderData: keepPreviousData },
  );
}
