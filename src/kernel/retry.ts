/**
 * Pauses between attempts, in seconds, as a literal table; the last one repeats.
 *
 * @param attempt attempts already made, 1 or more
 * @param random a number in [0, 1) that spreads the pause over ±10 %, so that a fleet does not knock in step
 * @returns milliseconds to wait before the next attempt
 */
export function pauseAfterAttempt(
  pausesSeconds: readonly number[],
  attempt: number,
  random: number,
): number {
  const index = Math.min(Math.max(attempt, 1), pausesSeconds.length) - 1
  const seconds = pausesSeconds[index] ?? 0
  return Math.round(seconds * 1000 * (0.9 + 0.2 * random))
}
