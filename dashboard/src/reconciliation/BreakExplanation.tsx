/**
 * How two people explain a difference: one proposes what it is, another one, an approver, confirms.
 * Once explained it does not keep the batch from its certificate, unless it changes.
 */
import Button from "@mui/material/Button";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactElement, useState } from "react";
import { api, type Break, type BreakProposal } from "../api/client";
import { hasRole } from "../api/session";
import { useSignedIn } from "../api/signedIn";
import { T, useText } from "../i18n/i18n";
import { AcknowledgedBy } from "../ui/AcknowledgedBy";
import { ActionDialog } from "../ui/ActionDialog";
import { OptionField } from "../ui/Filters";
import { DateTime, Money } from "../ui/format";
import { Notice } from "../ui/Notice";

const ACTS = ["by-hand", "fee", "accepted", "recovered", "explained"] as const;
type Act = (typeof ACTS)[number];
/** The differences that people can explain; the others end when something arrives or is mended. */
const EXPLAINABLE = new Set(["orphan", "missing_here", "amount", "wrong_account"]);
const BREAKS_PATH = "/api/v1/reconciliation/breaks";

type BreakProps = { found: Break };

/** What people said about a difference, or the button with which they say it. */
export function BreakExplanation({ found }: BreakProps): ReactElement {
  const { me } = useSignedIn();
  if (found.acknowledgement) return <AcknowledgedBy explained={found.acknowledgement} />;
  if (found.status !== "open" || !isExplainable(found)) return <>—</>;
  return (
    <>
      {found.proposal && <ProposalText proposal={found.proposal} />}
      {hasRole(me, "approver", "preparer") ? (
        <ExplainButton key={found.proposal?.act} found={found} />
      ) : (
        "—"
      )}
    </>
  );
}

function isExplainable({ kind, subject }: Break): boolean {
  return EXPLAINABLE.has(kind) || (kind === "status" && subject === "unbound");
}

function ProposalText({ proposal }: { proposal: BreakProposal }): ReactElement {
  return (
    <div>
      <T
        id="explain.proposed"
        values={{
          who: proposal.by_whom,
          at: <DateTime at={proposal.at} />,
          act: <T id={`explain.${proposal.act}`} />,
          why: proposal.reason,
        }}
      />
    </div>
  );
}

function ExplainButton({ found }: BreakProps): ReactElement {
  const text = useText();
  const [open, setOpen] = useState(false);
  const [act, setAct] = useState<Act>(found.proposal?.act ?? "explained");
  const send = useExplain(found, () => setOpen(false));
  return (
    <>
      <Button
        size="small"
        variant="outlined"
        onClick={() => {
          send.reset();
          setOpen(true);
        }}
      >
        <T id="explain.open" />
      </Button>
      {open && (
        <ActionDialog
          title={text("explain.title")}
          confirm={text("explain.send")}
          reason="required"
          busy={send.isPending}
          error={send.error}
          onClose={() => setOpen(false)}
          onConfirm={(reason) => send.mutate({ act, reason })}
        >
          <p>
            <T id="explain.means" />
          </p>
          <OptionField
            label="explain.act"
            value={act}
            options={ACTS}
            optionLabel={(one) => `explain.${one}`}
            onChange={(chosen) => setAct(chosen as Act)}
          />
          <Notice tone="info">
            <T id="explain.money" values={{ amount: <Money cents={found.amount_cents} /> }} />
          </Notice>
        </ActionDialog>
      )}
    </>
  );
}

function useExplain(found: Break, onSent: () => void) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ act, reason }: { act: Act; reason: string }) =>
      api.POST("/api/v1/reconciliation/breaks/{break_id}/acknowledge", {
        params: { path: { break_id: found.break_id } },
        body: { act, reason, evidence: found.evidence },
      }),
    onSuccess: onSent,
    onSettled: () => void queries.invalidateQueries({ queryKey: ["get", BREAKS_PATH] }),
  });
}
