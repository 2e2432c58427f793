import { createPrivateKey, createPublicKey } from 'node:crypto'
import { parentPort, workerData } from 'node:worker_threads'
import { prebuildRequests } from '../test/support/scep-messages/index.ts'

/** What one thread builds. */
export interface RequestBatch {
  readonly count: number
  readonly recipientCertificateDer: Uint8Array
  readonly challenge: string
  readonly prefix: string
  readonly devicesPkcs8Der: readonly Uint8Array[]
}

const batch = workerData as RequestBatch
const requests = prebuildRequests(batch.count, {
  recipientCertificateDer: batch.recipientCertificateDer,
  challenge: () => batch.challenge,
  prefix: batch.prefix,
  keys: batch.devicesPkcs8Der.map((pkcs8Der) => {
    const privateKey = createPrivateKey({
      key: Buffer.from(pkcs8Der),
      format: 'der',
      type: 'pkcs8',
    })
    return { privateKey, publicKey: createPublicKey(privateKey) }
  }),
})
parentPort?.postMessage(requests.map(({ messageDer }) => new Uint8Array(messageDer)))
