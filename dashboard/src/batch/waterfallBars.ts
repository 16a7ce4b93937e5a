/** From steps to floating bars. */

type Part = { kind: string; value: number };
/** An invisible foot, and above it what stands, what was added, or what was taken away. */
export type Bar = { kind: string; foot: number; whole: number; added: number; taken: number };

/**
 * One bar for each part: the first and the last part are wholes, and each step between floats from
 * the sum before it to the sum after it. All values are at least zero.
 */
export function waterfallBars(parts: readonly Part[]): Bar[] {
  let sum = 0;
  return parts.map(({ kind, value }, n) => {
    if (n === 0 || n === parts.length - 1) {
      sum = value;
      return { kind, foot: 0, whole: value, added: 0, taken: 0 };
    }
    const foot = Math.min(sum, sum + value);
    sum += value;
    return { kind, foot, whole: 0, added: Math.max(value, 0), taken: Math.max(-value, 0) };
  });
}
