import type { ReactElement } from "react";
import type { BatchStatus } from "../../../api/client";
import { ENDED, PAUSED } from "../../../api/statuses";
import { type MessageId, T } from "../../../i18n/i18n";
import { DateTime } from "../../../ui/format";
import { Notice } from "../../../ui/Notice";
import type { LiveBatch } from "./useLiveBatch";

type ConnectionNoticeProps = {
  live: LiveBatch;
  status: BatchStatus;
  /** A part of the system stands behind, so that what is received is not what is. */
  behind: boolean;
};

/** Whether the figures are live, and from when they are. Old figures never look like live ones. */
export function ConnectionNotice(props: ConnectionNoticeProps): ReactElement {
  const { live, status, behind } = props;
  if (live.connection === "refused")
    return (
      <Notice tone="error" live unavailable>
        <T id="live.refused" />
      </Notice>
    );
  if (live.connection === "connected" && behind && !ENDED.has(status))
    return (
      <Notice tone="warning" live>
        <T id="live.behind" values={{ at: <DateTime at={live.figures?.as_of} /> }} />
      </Notice>
    );
  if (live.connection === "connected")
    return (
      <Notice tone="success">
        <T id={connectedMessage(status)} values={{ at: <DateTime at={live.figures?.as_of} /> }} />
      </Notice>
    );
  if (live.connection === "connecting")
    return (
      <Notice tone="neutral" live>
        <T id="live.connecting" />
      </Notice>
    );
  const received = new Date(live.receivedAt).toISOString();
  return (
    <Notice tone="warning" live unavailable>
      {live.figures ? (
        <T id="live.lost" values={{ at: <DateTime at={received} /> }} />
      ) : (
        <T id="live.none-yet" />
      )}
    </Notice>
  );
}

function connectedMessage(status: BatchStatus): MessageId {
  if (ENDED.has(status)) return "live.on.ended";
  return PAUSED.has(status) ? "live.on.paused" : "live.on";
}
