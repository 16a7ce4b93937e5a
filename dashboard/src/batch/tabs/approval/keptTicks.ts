/**
 * The ticks and the chosen start of an approval while the person signs in anew. They are kept in the storage of this tab,
 * by the digest that was seen: codes of warnings only, no data of people. Rows to include have
 * reasons in free text and are not kept; with such rows the person starts again.
 */
const STORAGE_KEY = "paydown.approval-ticks";

export type KeptTicks = { ticked: string[]; compared: boolean; startAt?: string | null };
type TabStorage = Pick<Storage, "getItem" | "setItem" | "removeItem">;

/** Keep the ticks for what was seen. */
export function keepTicks(
  digest: string,
  ticks: KeptTicks,
  storage: TabStorage = window.sessionStorage,
): void {
  storage.setItem(STORAGE_KEY, JSON.stringify({ ...ticks, digest }));
}

/** The ticks that were kept for this digest; null if there are none, or for another one. */
export function keptTicks(
  digest: string,
  storage: TabStorage = window.sessionStorage,
): KeptTicks | null {
  try {
    const kept = JSON.parse(storage.getItem(STORAGE_KEY) ?? "null") as
      (KeptTicks & { digest: string }) | null;
    return kept && kept.digest === digest && digest !== "" ? kept : null;
  } catch {
    return null;
  }
}

/** Forget them: they count once. */
export function forgetTicks(storage: TabStorage = window.sessionStorage): void {
  storage.removeItem(STORAGE_KEY);
}
