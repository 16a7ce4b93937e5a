import Box from "@mui/material/Box";
import LinearProgress from "@mui/material/LinearProgress";
import { type ReactElement, useEffect } from "react";
import type { PaymentCounts } from "../../../api/client";
import { T, useText } from "../../../i18n/i18n";
import { Count } from "../../../ui/format";
import { VisuallyHidden } from "../../../ui/layout";

const ANNOUNCED_STEP = 10; // percent

/**
 * How many payments have ended: as a bar, in words, in the window's title, and for screen readers.
 */
export function Progress({ payments }: { payments: PaymentCounts }): ReactElement {
  const { completed, failed, cancelled, reversed, total } = payments;
  const ended = completed + failed + cancelled + reversed;
  const percent = total > 0 ? Math.floor((ended / total) * 100) : 0;
  const text = useText();
  useTitlePercent(total > 0 ? percent : null);
  const announced = Math.floor(percent / ANNOUNCED_STEP) * ANNOUNCED_STEP;
  return (
    <Box sx={{ mb: 2 }}>
      <LinearProgress
        variant="determinate"
        value={percent}
        aria-label={text("live.bar")}
        sx={{ height: 12, borderRadius: 6 }}
      />
      <p>
        <T
          id="live.done"
          values={{ done: <Count value={ended} />, total: <Count value={total} />, percent }}
        />
      </p>
      <VisuallyHidden role="status">
        {text("live.announced", { percent: announced })}
      </VisuallyHidden>
    </Box>
  );
}

/** Puts "40 % · " before the window's title, and removes it again; null removes it. */
function useTitlePercent(percent: number | null): void {
  useEffect(() => {
    const title = document.title.replace(/^\d+ % · /, "");
    document.title = percent === null ? title : `${percent} % · ${title}`;
    return () => {
      document.title = document.title.replace(/^\d+ % · /, "");
    };
  }, [percent]);
}
