import { ConnectorError } from '../../kernel/index.ts'

const MAX_REMEMBERED = 512

/** Certificates of the last minutes by serial number, so that a repeated order, even a concurrent one, signs once. */
export interface IssuedMemory {
  /**
   * The certificate of this serial; made by `make` the first time. A failure is forgotten, so that it can be tried again.
   *
   * @throws ConnectorError `ca/refused` the serial belongs to another request
   */
  getOrMake(
    serialHex: string,
    requestKey: string,
    make: () => Promise<Uint8Array>,
  ): Promise<Uint8Array>
}

/** @see IssuedMemory */
export function createIssuedMemory(): IssuedMemory {
  const remembered = new Map<string, { requestKey: string; certificate: Promise<Uint8Array> }>()

  return {
    async getOrMake(serialHex, requestKey, make) {
      const known = remembered.get(serialHex)
      if (known) {
        verifySameRequest(serialHex, known.requestKey, requestKey)
        return known.certificate
      }
      const certificate = make()
      remembered.set(serialHex, { requestKey, certificate })
      if (remembered.size > MAX_REMEMBERED) {
        const [oldest] = remembered.keys()
        if (oldest !== undefined) remembered.delete(oldest)
      }
      try {
        return await certificate
      } catch (cause) {
        remembered.delete(serialHex)
        throw cause
      }
    },
  }
}

/**
 * A serial number names one certificate for ever.
 *
 * @throws ConnectorError `ca/refused`
 */
export function verifySameRequest(serialHex: string, known: string, requestKey: string): void {
  if (known === requestKey) return
  throw new ConnectorError('ca/refused', `serial ${serialHex} belongs to another request`)
}
