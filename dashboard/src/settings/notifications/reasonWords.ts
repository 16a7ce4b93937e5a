import type { MessageId } from "../../i18n/i18n";

const REASONS = [
  "address",
  "name",
  "connection",
  "timeout",
  "redirect",
  "gone",
  "refused",
  "service",
  "removed",
  "no-role",
] as const;

type Words = { id: MessageId; values: { status: string } };

/** The sentence for why a delivery did not arrive; `status 503` is an answer of the receiver. */
export function reasonWords(reason: string): Words {
  const word = REASONS.find((one) => one === reason) ?? "bug";
  const isStatus = reason.startsWith("status ");
  return {
    id: isStatus ? "notifications.reason.status" : `notifications.reason.${word}`,
    values: { status: isStatus ? reason.slice("status ".length) : "" },
  };
}
