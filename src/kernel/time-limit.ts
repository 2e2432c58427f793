/**
 * Makes a call whose signal aborts after a time. The timer ends with the call; that of `AbortSignal.timeout` and the signal
 * itself live until the time is over, so that thousands of them add up behind quick calls.
 *
 * @param ms how long the call may take
 * @param call heeds its signal, or not; its failure is passed on
 */
export async function withTimeLimit<T>(
  ms: number,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController()
  const timer = setTimeout(
    () => controller.abort(new DOMException(`no answer within ${ms} ms`, 'TimeoutError')),
    ms,
  )
  try {
    return await call(controller.signal)
  } finally {
    clearTimeout(timer)
  }
}
