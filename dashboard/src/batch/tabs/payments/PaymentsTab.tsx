/** The payments of a batch. */
import { keepPreviousData } from "@tanstack/react-query";
import { type ReactElement, useMemo } from "react";
import { query } from "../../../api/client";
import { PAGE_SIZE } from "../../../api/paging";
import { REFRESH_MS } from "../../../api/queryClient";
import { CHANGING } from "../../../api/statuses";
import { useText } from "../../../i18n/i18n";
import { useAddress } from "../../../ui/address";
import { Filters } from "../../../ui/Filters";
import { Grid } from "../../../ui/Grid";
import { Pager } from "../../../ui/Pager";
import { ProblemPanel } from "../../../ui/ProblemPanel";
import { PAYMENT_LOOKS } from "../../../ui/statusLooks";
import { useBatch } from "../../BatchContext";
import { paymentColumns } from "./paymentColumns";
import { useForwardPager } from "./useForwardPager";

/** The grid's columns that the API sorts, and the API's name for each. */
const SORTS = {
  rows: "file_row",
  amount_cents: "amount",
  status: "status",
  employee_id: "employee_id",
};
const STATUSES = Object.keys(PAYMENT_LOOKS);
const CHIPS = ["source", "branch", "institution", "reason_code"] as const;
const CHANGING_MS = 4_000;

export default function PaymentsTab(): ReactElement {
  const { batch } = useBatch();
  const text = useText();
  const [{ cursor, q, status, sort, source, branch, institution, reason_code }] = useAddress();
  const filters = { q, status, sort, source, branch, institution, reason_code };
  const payments = query.useQuery(
    "get",
    "/api/v1/batches/{batch_id}/payments",
    {
      params: {
        path: { batch_id: batch.batch_id },
        query: { limit: PAGE_SIZE, cursor, ...filters },
      },
    },
    {
      placeholderData: keepPreviousData,
      refetchInterval: CHANGING.has(batch.status) ? CHANGING_MS : REFRESH_MS,
    },
  );
  const columns = useMemo(() => paymentColumns(text), [text]);
  const pager = useForwardPager(payments.data, PAGE_SIZE);
  return (
    <>
      <Filters find="payments.find" kind="payment" statuses={STATUSES} chips={CHIPS} />
      {payments.error && (
        <ProblemPanel error={payments.error} retry={() => void payments.refetch()} />
      )}
      <Grid
        label={text("tab.payments")}
        columns={columns}
        rows={payments.data?.items ?? []}
        rowId={(payment) => payment.payment_id}
        loading={payments.isPending}
        sorts={SORTS}
      />
      <Pager {...pager} />
    </>
  );
}
