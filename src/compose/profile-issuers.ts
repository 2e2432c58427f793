import { type AuthorityGeneration, caIdOf, findCurrent, findNext } from '../ca/index.ts'
import type { ProfileIssuers } from '../connector/index.ts'
import { type Clock, ConnectorError, equalBytes } from '../kernel/index.ts'
import { parseCertificate } from '../pki/index.ts'
import type { CaBackends, ComposedAuthority } from './authorities.ts'

/**
 * The generations of the CA of a profile, as they are at each call: what was encrypted to the next RA is signed by the
 * next CA, all else by the current one, also what was encrypted to the RA of a previous one (REQ-52).
 */
export function createProfileIssuers(
  composed: ComposedAuthority,
  cas: CaBackends,
  clock: Clock,
): ProfileIssuers {
  function backendOf({ number }: AuthorityGeneration) {
    const caId = caIdOf(composed.settings.id, number)
    const ca = cas.get(caId)
    if (ca !== undefined) return ca
    throw new ConnectorError('internal/bug', `there is no backend for the generation ${caId}`)
  }

  /** The current one first. */
  function listGenerations(): readonly AuthorityGeneration[] {
    const { generations } = composed.authority
    const current = findCurrent(generations, clock.now())
    return [current, ...generations.filter((one) => one !== current)]
  }

  return {
    backendFor(raFingerprintHex) {
      const { generations } = composed.authority
      const now = clock.now()
      const next = findNext(generations, now)
      const isForNext = next?.ras.some(({ fingerprintHex }) => fingerprintHex === raFingerprintHex)
      return backendOf(next !== undefined && isForNext ? next : findCurrent(generations, now))
    },
    findByName(nameDer) {
      const found = listGenerations().find((one) => isNameOf(nameDer, one))
      return found === undefined ? undefined : backendOf(found)
    },
    raFingerprint() {
      const { ras } = findCurrent(composed.authority.generations, clock.now())
      return ras.find(({ isCurrent }) => isCurrent)?.fingerprintHex
    },
    list: () => listGenerations().map(backendOf),
  }
}

/** Whether the issuing CA or its RA has this subject; by octets, as devices copy it from the certificate. */
function isNameOf(nameDer: Uint8Array, { issuingDer, ras }: AuthorityGeneration): boolean {
  return [issuingDer, ...ras.map((ra) => ra.certificateDer)].some((der) =>
    equalBytes(parseCertificate(der).subjectDer, nameDer),
  )
}
