import { ownCpuMs } from './figures.ts'

/** CPU milliseconds of one enrolment, one figure a slice. */
export interface OneThreadResult {
  readonly limitMs: readonly number[]
  readonly handlerMs: readonly number[]
}

/**
 * Measures the limit and the handler in turns on this thread, with nothing else running in this process: each slice of
 * one stands beside a slice of the other, so that what the machine does meanwhile hits both.
 */
export function measureOneThread(
  runLimit: (index: number) => void,
  runHandler: (index: number) => void,
  slices: number,
  enrolmentsPerSlice: number,
): OneThreadResult {
  let index = 0
  const measure = (run: (index: number) => void): number => {
    const before = ownCpuMs()
    for (let count = 0; count < enrolmentsPerSlice; count += 1) {
      run(index)
      index += 1
    }
    return (ownCpuMs() - before) / enrolmentsPerSlice
  }
  // What runs for the first time is compiled first.
  measure(runLimit)
  measure(runHandler)
  const limitMs: number[] = []
  const handlerMs: number[] = []
  for (let slice = 0; slice < slices; slice += 1) {
    if (slice % 2 === 0) limitMs.push(measure(runLimit))
    handlerMs.push(measure(runHandler))
    if (slice % 2 === 1) limitMs.push(measure(runLimit))
  }
  return { limitMs, handlerMs }
}
