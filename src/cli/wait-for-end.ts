/**
 * Resolves with the name of the signal that asks this process to end. A second one ends it at once, for the impatient.
 */
export async function waitForEnd(): Promise<string> {
  return await new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        process.once(signal, () => process.exit(1))
        resolve(signal)
      })
    }
  })
}
