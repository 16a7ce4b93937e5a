/** Pause, resume, cancel the rest: orders of an approver, each with what it does to money. */
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import { useMutation } from "@tanstack/react-query";
import { lazy, type ReactElement, Suspense, useState } from "react";
import { api } from "../api/client";
import { may } from "../api/session";
import { T, useText } from "../i18n/i18n";
import { Money } from "../ui/figures";
import { useMe } from "../ui/me";
import { Notice } from "../ui/page";
import { RUNNING } from "../ui/states";
import { useBatch } from "./useBatch";

const ReasonDialog = lazy(() => import("../ui/ReasonDialog"));
type Act = "pause" | "resume" | "cancel";

export function Steering(): ReactElement | null {
  const { batch, again } = useBatch();
  const { me } = useMe();
  const text = useText();
  const [asking, setAsking] = useState<Act | null>(null);
  const order = useMutation({
    mutationFn: ({ act, reason }: { act: Act; reason: string }) => {
      const body = { params: { path: { batch_id: batch.batch_id } }, body: { reason } };
      if (act === "pause") return api.POST("/api/v1/batches/{batch_id}/pause", body);
      if (act === "resume") return api.POST("/api/v1/batches/{batch_id}/resume", body);
      return api.POST("/api/v1/batches/{batch_id}/cancel", body);
    },
    onSuccess: () => {
      setAsking(null);
      void again();
    },
    onError: () => void again(),
  });
  if (!RUNNING.has(batch.status)) return null;
  if (!may(me, "approver"))
    return (
      <p>
        <T id="steer.others" />
      </p>
    );
  const stopped = batch.status === "paused" || batch.status === "pausing";
  const ask = (act: Act) => {
    order.reset();
    setAsking(act);
  };
  return (
    <Box
      role="group"
      aria-label={text("steer.label")}
      sx={{ display: "flex", flexWrap: "wrap", gap: 1, mb: 2 }}
    >
      {!stopped && batch.status !== "cancelling" && (
        <Button variant="outlined" color="warning" onClick={() => ask("pause")}>
          <T id="steer.pause" />
        </Button>
      )}
      {(stopped || batch.stopped_sources.length > 0) && (
        <Button variant="contained" onClick={() => ask("resume")}>
          <T id="steer.resume" />
        </Button>
      )}
      {batch.status !== "cancelling" && (
        <Button variant="outlined" color="error" onClick={() => ask("cancel")}>
          <T id="steer.cancel" />
        </Button>
      )}
      {order.isSuccess && !asking && (
        <Notice tone="info" live>
          <T id="steer.taken" />
        </Notice>
      )}
      {asking && (
        <Suspense fallback={null}>
          <ReasonDialog
            title={text(`steer.${asking}.ask`)}
            act={text(`steer.${asking}`)}
            tone={asking === "cancel" ? "error" : "primary"}
            reason={asking === "resume" ? "optional" : "required"}
            busy={order.isPending}
            error={order.error}
            onClose={() => setAsking(null)}
            onAct={(reason) => order.mutate({ act: asking, reason })}
          >
            <p>
              <T id={`steer.${asking}.means`} />
            </p>
            <Notice tone="info">
              <T
                id="steer.out"
                values={{
                  out: (
                    <Money
                      cents={
                        batch.payment_amount_cents.completed +
                        batch.payment_amount_cents.pending +
                        batch.payment_amount_cents.sending
                      }
                    />
                  ),
                  unsent: <Money cents={batch.payment_amount_cents.unprocessed} />,
                }}
              />
            </Notice>
          </ReasonDialog>
        </Suspense>
      )}
    </Box>
  );
}
