/** What is shown while there is nothing to show. */
import { type ReactElement, type ReactNode, useEffect, useState } from "react";
import { type MessageId, T } from "../i18n/i18n";
import { Muted } from "./layout";

const LATE_MS = 250;
const VERY_LATE_MS = 3_000;

/**
 * Says that something is being loaded, but not before a moment has passed: quick answers do not
 * flicker.
 */
export function Loading(): ReactElement {
  const [message, setMessage] = useState<MessageId | null>(null);
  useEffect(() => {
    const timers = [
      setTimeout(() => setMessage("loading"), LATE_MS),
      setTimeout(() => setMessage("loading.long"), VERY_LATE_MS),
    ];
    return () => timers.forEach(clearTimeout);
  }, []);
  return (
    <Muted role="status" data-loading style={{ padding: 16, minHeight: 80 }}>
      {message && <T id={message} />}
    </Muted>
  );
}

/** Says that there is nothing, and why. */
export function Empty({ children }: { children: ReactNode }): ReactElement {
  return (
    <Muted role="status" style={{ padding: 20, textAlign: "center", maxWidth: "none" }}>
      {children}
    </Muted>
  );
}
