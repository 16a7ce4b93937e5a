import Button from "@mui/material/Button";
import { useQueryClient } from "@tanstack/react-query";
import type { ReactElement } from "react";
import { query } from "../api/client";
import { download } from "../api/download";
import type { components } from "../api/gateway";
import { hasRole, PERSONAL_ROLES } from "../api/session";
import { useSignedIn } from "../api/signedIn";
import { T, useText } from "../i18n/i18n";
import { Card } from "../ui/Card";
import { DateTime } from "../ui/format";
import { type Column, ListTable } from "../ui/ListTable";
import { ProblemPanel } from "../ui/ProblemPanel";
import { StatusChip } from "../ui/StatusChip";
import { useMutation } from "@tanstack/react-query";

type Evidence = components["schemas"]["Evidence"];
const PATH = "/api/v1/payments/{payment_id}/evidence";

/** Evidence of a payment for the employee or the servicer: make it, and download what was made. */
export function PaymentEvidence({ paymentId }: { paymentId: string }): ReactElement {
  const { me } = useSignedIn();
  const text = useText();
  const queries = useQueryClient();
  const request = { params: { path: { payment_id: paymentId } } };
  const made = query.useQuery("get", PATH, request);
  const making = query.useMutation("post", PATH, {
    onSuccess: () => void queries.invalidateQueries({ queryKey: ["get", PATH] }),
  });
  const items = made.data?.items ?? [];
  return (
    <Card
      title={<T id="evidence.title" />}
      actions={
        hasRole(me, ...PERSONAL_ROLES) && (
          <Button
            size="small"
            variant="outlined"
            disabled={making.isPending}
            onClick={() => making.mutate(request)}
          >
            {text(making.isPending ? "working" : "evidence.make")}
          </Button>
        )
      }
    >
      <p>
        <T id="evidence.means" />
      </p>
      {making.error && <ProblemPanel error={making.error} />}
      {made.error && <ProblemPanel error={made.error} retry={() => void made.refetch()} />}
      {items.length > 0 && (
        <ListTable
          label={text("evidence.title")}
          rows={items}
          rowId={(one) => one.evidence_id}
          columns={COLUMNS}
        />
      )}
    </Card>
  );
}

const COLUMNS: readonly Column<Evidence>[] = [
  {
    header: "finance.made",
    cell: ({ made_at, made_by }) => (
      <>
        <DateTime at={made_at} /> · {made_by}
      </>
    ),
  },
  {
    header: "column.status",
    cell: ({ status }) => <StatusChip kind="payment" status={status} />,
  },
  { header: "finance.files", cell: (one) => <DownloadButton evidence={one} /> },
];

function DownloadButton({ evidence }: { evidence: Evidence }): ReactElement {
  const text = useText();
  const { payment_id: payment, evidence_id: id, made_at: at } = evidence;
  const downloading = useMutation({
    mutationFn: () =>
      download(`/api/v1/payments/${payment}/evidence/${id}`, `payment-${payment}.pdf`),
  });
  return (
    <>
      {downloading.error && <ProblemPanel error={downloading.error} />}
      <Button
        size="small"
        variant="contained"
        disabled={downloading.isPending}
        aria-label={text("finance.get", { file: "PDF", of: at })}
        onClick={() => downloading.mutate()}
      >
        PDF
      </Button>
    </>
  );
}
