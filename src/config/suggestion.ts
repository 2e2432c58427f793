/** The candidate that was probably meant: differs in case, or by at most a third of its letters. */
export function findSimilar(given: string, candidates: readonly string[]): string | undefined {
  if (given.length > 100) return undefined
  const wanted = normalise(given)
  let best: { readonly name: string; readonly distance: number } | undefined
  for (const name of candidates) {
    const distance = editDistance(wanted, normalise(name))
    if (distance > Math.max(1, Math.floor(name.length / 3))) continue
    if (best === undefined || distance < best.distance) best = { name, distance }
  }
  return best?.name
}

function normalise(name: string): string {
  return name.toLowerCase().replace(/[-_ .]/g, '')
}

/** Letters to insert, delete, replace or exchange with their neighbour (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = []
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const current = [i]
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1
      const isExchange = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      current[j] = Math.min(
        (previous[j] ?? 0) + 1,
        (current[j - 1] ?? 0) + 1,
        (previous[j - 1] ?? 0) + cost,
        isExchange ? (beforePrevious[j - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      )
    }
    beforePrevious = previous
    previous = current
  }
  return previous[b.length] ?? 0
}
