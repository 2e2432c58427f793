import type { Clock } from '../../kernel/index.ts'
import { issueCrl } from './crl.ts'
import type { CrlShelf, IssuedRegister, PublishedCrl } from './registers.ts'
import type { CertificateSigner } from './signer.ts'

const HOUR_MS = 3_600_000

export interface CrlPublisherOptions {
  readonly caId: string
  readonly issuerDer: Uint8Array
  readonly signer: Pick<CertificateSigner, 'sign'>
  readonly certificates: Pick<IssuedRegister, 'listRevoked'>
  readonly crls: CrlShelf
  readonly clock: Clock
  /** From thisUpdate to nextUpdate. Default 168: clients may keep a CRL that long. */
  readonly validityHours?: number
}

/** Publishes the full CRL of one embedded CA. */
export interface CrlPublisher {
  /**
   * Signs and keeps a new CRL. What was marked revoked before the call is in it.
   *
   * Calls that arrive while one is at work share the next one, so that a hundred revocations make two CRLs. Safe in
   * several instances at once: of two CRLs the one with the higher number lists at least as much.
   *
   * @throws ConnectorError `store/unavailable`, `worker/overloaded` and others of its ports: transient
   */
  publish(): Promise<PublishedCrl>
}

/** @see CrlPublisher */
export function createCrlPublisher(options: CrlPublisherOptions): CrlPublisher {
  let running: Promise<PublishedCrl> | undefined
  let waiting: Promise<PublishedCrl> | undefined

  function start(): Promise<PublishedCrl> {
    running = publishOnce(options).finally(() => {
      running = undefined
    })
    return running
  }

  return {
    publish() {
      if (!running) return start()
      // The one at work may have read its list already.
      waiting ??= running
        .catch(() => undefined)
        .then(() => {
          waiting = undefined
          return start()
        })
      return waiting
    },
  }
}

async function publishOnce(options: CrlPublisherOptions): Promise<PublishedCrl> {
  const { caId, certificates, clock, crls, issuerDer, signer } = options
  const validityMs = (options.validityHours ?? 168) * HOUR_MS
  // The number first, then the list: whoever has a later number has read a later list.
  const number = await crls.takeNumber(caId)
  const thisUpdate = clock.now()
  const nextUpdate = new Date(thisUpdate.getTime() + validityMs)
  // An expired certificate stays until a CRL published after its end was due (RFC 5280, section 3.3).
  const asOf = new Date(thisUpdate.getTime() - validityMs)
  const revoked = await certificates.listRevoked(caId, asOf)
  const der = await issueCrl({ number, thisUpdate, nextUpdate, revoked }, issuerDer, (tbs) =>
    signer.sign(caId, tbs),
  )
  const crl = { number, der, thisUpdate, nextUpdate }
  await crls.publish(caId, crl)
  return crl
}
