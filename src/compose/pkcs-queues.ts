import { randomBytes } from 'node:crypto'
import { caIdOf, findCurrent } from '../ca/index.ts'
import type { Configuration } from '../config/index.ts'
import {
  createKeyPairs,
  createPkcsIssuance,
  createPkcsRecrypt,
  type KeyPairs,
  type PayloadPorts,
  type WorkHandler,
} from '../connector/index.ts'
import type { Clock } from '../kernel/index.ts'
import type { OpenService } from '../management/index.ts'
import { encodePfx, generatePfxPassword, RANDOM_PASSWORD_ITERATIONS } from '../pfx/index.ts'
import type { Simulator } from '../simulator/index.ts'
import type { Store } from '../store/index.ts'
import { type CaBackends, type ComposedAuthorities, listGenerations } from './authorities.ts'
import { loadDeviceIssuers, parseCertificates } from './device-issuers.ts'

/** What the PKCS queues are made of. */
export interface PkcsParts {
  readonly openService: OpenService
  readonly simulator: Simulator | undefined
  readonly authorities: ComposedAuthorities
  readonly cas: CaBackends
  readonly store: Store
  readonly clock: Clock
  readonly holder: string
}

/** The handlers of both queues, and the keys that are made ahead. */
export function composePkcs(
  { pkcs }: Configuration,
  parts: PkcsParts,
): {
  readonly issuance: WorkHandler<'pkcs'>
  readonly recrypt: WorkHandler<'pkcsRecrypt'>
  readonly keyPairs: KeyPairs
} {
  const { openService, authorities, cas, store, clock, holder } = parts
  const keyPairs = createKeyPairs(pkcs.keysAhead)
  const payloads: PayloadPorts = {
    recipients: { deviceIssuers: listIssuers(pkcs, parts), minProfile: pkcs.minProfile },
    fleetIssuer: () => {
      const chainPem = openService.current()?.record.chainPem
      return chainPem === undefined ? undefined : parseCertificates(chainPem)[0]
    },
    pfx: {
      generatePassword: () => generatePfxPassword(randomBytes),
      encode: (content, password, encryption) =>
        encodePfx(content, password, encryption, randomBytes, RANDOM_PASSWORD_ITERATIONS),
    },
    random: randomBytes,
    contextBindingOid: pkcs.contextBindingOid,
  }
  const issuance = createPkcsIssuance({
    ...payloads,
    templates: pkcs.templates,
    authorities: {
      current(id) {
        const composed = authorities.get(id)
        if (composed === undefined) return undefined
        const { number } = findCurrent(composed.authority.generations, clock.now())
        return cas.get(caIdOf(id, number))
      },
      find: (caId) => cas.get(caId),
    },
    certificates: store.certificates,
    keyPairs,
    parallel: pkcs.parallel,
    clock,
    holder,
  })
  const recrypt = createPkcsRecrypt({
    ...payloads,
    identities: async () =>
      (await openService.loadEncryptionIdentities()).flatMap(({ key, certificatePem }) =>
        parseCertificates(certificatePem).map((certificate) => ({ key, certificate })),
      ),
    certificates: store.certificates,
    authorities: () => listGenerations(authorities).flatMap(({ caId }) => cas.get(caId) ?? []),
    parallel: pkcs.parallel,
    clock,
  })
  return { issuance, recrypt, keyPairs }
}

/** The simulator's devices are new at each start, and so is their CA. */
function listIssuers(
  { deviceIssuersFile }: Configuration['pkcs'],
  { simulator }: PkcsParts,
): ReturnType<typeof parseCertificates> {
  return deviceIssuersFile === undefined && simulator !== undefined
    ? parseCertificates(simulator.deviceCaPem)
    : loadDeviceIssuers('pkcs.deviceIssuersFile', deviceIssuersFile)
}
