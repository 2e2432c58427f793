/** Quartiles of a sample, in its unit. */
export interface Quartiles {
  readonly lower: number
  readonly median: number
  readonly upper: number
}

export function quartilesOf(sample: readonly number[]): Quartiles {
  const sorted = sample.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN
  return { lower: at(0.25), median: at(0.5), upper: at(0.75) }
}

/**
 * Mann-Whitney: the probability that a value of the first sample is greater than one of the second, ties counted half. 0.5
 * when the two come from one distribution; its standard error is then about sqrt((m + n + 1) / (12 m n)).
 */
export function superiority(first: readonly number[], second: readonly number[]): number {
  const all = [
    ...first.map((value) => ({ value, isFirst: true })),
    ...second.map((value) => ({ value, isFirst: false })),
  ].toSorted((a, b) => a.value - b.value)
  let rankSum = 0
  for (let start = 0; start < all.length; ) {
    let end = start
    while (end < all.length && all[end]?.value === all[start]?.value) end += 1
    const rank = (start + 1 + end) / 2
    rankSum += rank * all.slice(start, end).filter(({ isFirst }) => isFirst).length
    start = end
  }
  const { length } = first
  return (rankSum - (length * (length + 1)) / 2) / (length * second.length)
}

/** Kolmogorov-Smirnov: the greatest distance between the two empirical distribution functions; 0 to 1. */
export function greatestDistance(first: readonly number[], second: readonly number[]): number {
  const [a, b] = [first, second].map((sample) => sample.toSorted((x, y) => x - y)) as [
    number[],
    number[],
  ]
  let greatest = 0
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const value = Math.min(a[i] ?? 0, b[j] ?? 0)
    while (i < a.length && (a[i] ?? 0) <= value) i += 1
    while (j < b.length && (b[j] ?? 0) <= value) j += 1
    greatest = Math.max(greatest, Math.abs(i / a.length - j / b.length))
  }
  return greatest
}
