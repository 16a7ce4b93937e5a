import { useQueryClient } from "@tanstack/react-query";
import type { ReactElement } from "react";
import { type BatchLine, query } from "../api/client";
import { T, useText } from "../i18n/i18n";
import { PlainButton } from "../ui/links";
import { overStatus, PUT_AWAY_PATH } from "./putAway";

/** Puts a batch away that nothing waits for, in the status that it has. */
export default function PutAwayButton({ batch }: { batch: BatchLine }): ReactElement {
  const text = useText();
  const queries = useQueryClient();
  const putting = query.useMutation("post", PUT_AWAY_PATH, {
    onSettled: () => void queries.invalidateQueries({ queryKey: ["get", PUT_AWAY_PATH] }),
  });
  const putAway = () => {
    const status = overStatus(batch);
    if (status) putting.mutate({ body: { batch_id: batch.batch_id, status } });
  };
  return (
    <>
      {" "}
      <PlainButton
        type="button"
        disabled={putting.isPending}
        aria-label={text("task.put-away.of", { file: batch.filename })}
        onClick={putAway}
      >
        <T id={putting.error ? "task.put-away.again" : "task.put-away"} />
      </PlainButton>
    </>
  );
}
