import { lazy, type ReactElement, Suspense } from "react";
import type { ReasonDialogProps } from "./ReasonDialog";

const ReasonDialog = lazy(() => import("./ReasonDialog"));
const PRELOAD_DELAY_MS = 500;

/** A `ReasonDialog` that is loaded when it is first opened. */
export function ActionDialog(props: ReasonDialogProps): ReactElement {
  return (
    <Suspense fallback={null}>
      <ReasonDialog {...props} />
    </Suspense>
  );
}

/**
 * Loads the dialog soon after the page, so that it opens without a network. Returns what stops it.
 */
export function preloadActionDialog(): () => void {
  const timer = setTimeout(() => {
    import("./ReasonDialog").catch(() => undefined);
  }, PRELOAD_DELAY_MS);
  return () => clearTimeout(timer);
}
