import { Worker } from 'node:worker_threads'

/**
 * Runs `act` at the moment when an order to sign is handed to a worker thread of this process: the intent is on disk,
 * the certificate does not exist yet. Once; gives a function that stops waiting for the moment.
 */
export function atTheMomentOfSigning(act: () => void): () => void {
  const { prototype } = Worker
  const postMessage = Reflect.get(prototype, 'postMessage')
  const restore = (): void => {
    prototype.postMessage = postMessage
  }
  prototype.postMessage = function watch(this: Worker, ...message) {
    if (isOrder(message[0])) {
      restore()
      act()
    }
    postMessage.apply(this, message)
  }
  return restore
}

function isOrder(message: unknown): boolean {
  return (
    typeof message === 'object' && message !== null && 'kind' in message && message.kind === 'issue'
  )
}
