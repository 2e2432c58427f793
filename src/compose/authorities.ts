import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import {
  type Authority,
  type AuthorityGeneration,
  caIdOf,
  createEmbeddedCa,
  createOcspResponder,
  type EmbeddedCa,
  findCurrent,
  findRetirement,
  getIssuerMaterial,
  getRevision,
  hasAuthority,
  initAuthority,
  isCrlDue,
  loadAuthority,
  type OcspResponder,
  renewRa,
} from '../ca/index.ts'
import type { Configuration } from '../config/index.ts'
import type { Duties } from '../connector/index.ts'
import { events, type Journal } from '../events/index.ts'
import type { ExpiringCertificate } from '../http/index.ts'
import { type Clock, ConnectorError, describeError, type Secret } from '../kernel/index.ts'
import { parseCertificate } from '../pki/index.ts'
import type { CrlRegister, Store } from '../store/index.ts'
import type { CryptoKeys, CryptoPool } from '../workers/index.ts'
import { crlRulesOf, crlScheduleOf } from './crl-rules.ts'
import { createReminder } from './health-events.ts'
import { recordGenerations } from './roll-over-events.ts'

/** An embedded CA of the configuration with its keys; `authority` is replaced when its folder changes. */
export interface ComposedAuthority {
  readonly settings: Configuration['ca'][number]
  readonly directory: string
  readonly isNew: boolean
  /** Base of the addresses in its certificates, without a slash at the end. */
  readonly publicUrl: string
  /** A profile has SIDs that it verifies, or a service knows them; only then certificates carry them (REQ-127, REQ-128). */
  readonly allowsSidExtension: boolean
  authority: Authority
}

export type ComposedAuthorities = ReadonlyMap<string, ComposedAuthority>

/** The backends of all generations of all CAs, by the ids that registers and CRL addresses know. */
export interface CaBackends {
  /** Undefined: no generation of any CA has this id. */
  get(caId: string): EmbeddedCa | undefined
}

const MINUTE_MS = 60_000

/** How soon a revocation by command is seen. */
const CRL_LOOK_MS = 2000
const HOUR_MS = 60 * MINUTE_MS

/**
 * Loads the embedded CAs, making those that do not exist yet; a root of RSA-4096 takes seconds. One that has published CRLs
 * exists: another in its place, with its name and another key, would have every device enrol anew.
 *
 * @throws ConnectorError `ca/misconfigured` the folder of a CA that is on record is gone
 * @throws ConnectorError as `initAuthority`
 */
export async function loadAuthorities(
  configuration: Configuration,
  passphrase: Secret,
  clock: Clock,
  crls: Pick<CrlRegister, 'status'>,
): Promise<ComposedAuthorities> {
  const publicUrl = configuration.listeners.device.publicUrl.replace(/\/+$/, '')
  const composed = new Map<string, ComposedAuthority>()
  for (const settings of configuration.ca) {
    const directory = join(configuration.dataDir, 'ca', settings.id)
    if (!(await hasAuthority(directory)) && (await crls.status(settings.id)).takenNumber > 0)
      throw new ConnectorError(
        'ca/misconfigured',
        `${directory} holds no CA, but ${configuration.store.file} has one of this id on record: restore the folder from the backup, or mount it. Only to begin anew, with devices that all enrol again: certconnector ca init${configuration.ca.length > 1 ? ` --id ${settings.id}` : ''}`,
      )
    const { authority, isNew } = await initAuthority(directory, passphrase, {
      names: namesOf(settings),
      rootKey: settings.rootKey,
      issuingKey: settings.issuingKey,
      rootYears: settings.rootYears,
      issuingYears: settings.issuingYears,
      raDays: settings.ra.validityDays,
      raPair: settings.ra.pair,
      now: clock.now(),
      random: randomBytes,
    })
    const allowsSidExtension =
      configuration.profiles.some(
        (profile) => profile.ca === settings.id && hasVerifiedSids(profile),
      ) || hasSidsOfWork(configuration, settings.id)
    composed.set(settings.id, {
      settings,
      directory,
      isNew,
      publicUrl,
      allowsSidExtension,
      authority,
    })
  }
  return composed
}

/** The CA signs SID extensions only where a profile verifies them. */
function hasVerifiedSids({ certificate, templates }: Configuration['profiles'][number]): boolean {
  return [certificate, ...templates.map((template) => template.certificate)].some(
    ({ sid }) => sid === 'verified',
  )
}

/** A connector service knows the SIDs of its users from the directory. */
function hasSidsOfWork({ features, pkcs }: Configuration, caId: string): boolean {
  return features.pkcs && pkcs.templates.some(({ ca, sid }) => ca === caId && sid)
}

/** A generation with the id under which its certificates and CRLs are kept. */
export interface ComposedGeneration {
  readonly caId: string
  readonly composed: ComposedAuthority
  readonly generation: AuthorityGeneration
}

/** All generations of all CAs, as they are now. */
export function listGenerations(authorities: ComposedAuthorities): readonly ComposedGeneration[] {
  return [...authorities.values()].flatMap((composed) =>
    composed.authority.generations.map((generation) => ({
      caId: caIdOf(composed.settings.id, generation.number),
      composed,
      generation,
    })),
  )
}

/** The generation of this id. */
export function findGeneration(
  authorities: ComposedAuthorities,
  caId: string,
): ComposedGeneration | undefined {
  return listGenerations(authorities).find((one) => one.caId === caId)
}

/** Where relying parties find what belongs to a generation. */
function pointersOf({ caId, composed }: ComposedGeneration) {
  const { settings, publicUrl, allowsSidExtension } = composed
  return {
    caIssuersUrl: `${publicUrl}/aia/${caId}.cer`,
    crlUrl: `${publicUrl}/crl/${caId}.crl`,
    crlShards: settings.crl.shards,
    ocspUrl: settings.ocsp.enabled ? `${publicUrl}/ocsp` : undefined,
    allowsSidExtension,
  }
}

/** Names of a new CA, from configuration. */
export function namesOf(settings: Configuration['ca'][number]) {
  return {
    name: settings.name,
    ...(settings.organisation === undefined ? {} : { organisation: settings.organisation }),
    ...(settings.country === undefined ? {} : { country: settings.country }),
  }
}

/** What the worker threads hold: the keys of all generations, of which each CA has one whose RA signs for strangers. */
export function keysOf(authorities: ComposedAuthorities, now: Date): CryptoKeys {
  const all = listGenerations(authorities)
  return {
    ras: all.flatMap(({ composed, generation }) => {
      const isCurrent = generation === findCurrent(composed.authority.generations, now)
      const issuersDer = [generation.issuingDer, generation.rootDer]
      return generation.ras.map((ra) => ({
        certificateDer: ra.certificateDer,
        keyPkcs8Der: ra.keyPkcs8Der,
        issuersDer,
        isCurrent: isCurrent && ra.isCurrent,
      }))
    }),
    issuers: all.map((one) => getIssuerMaterial(one.generation, one.caId, pointersOf(one))),
  }
}

/** The backends. One is made when its generation is first asked for. */
export function openCas(
  authorities: ComposedAuthorities,
  signer: CryptoPool,
  store: Store,
  clock: Clock,
): CaBackends {
  const made = new Map<string, EmbeddedCa>()
  return {
    get(caId) {
      const known = made.get(caId)
      if (known !== undefined) return known
      const found = findGeneration(authorities, caId)
      if (found === undefined) return undefined
      const { composed, generation } = found
      const backend = createEmbeddedCa({
        id: caId,
        chain: [generation.issuingDer, generation.rootDer],
        signer,
        certificates: store.certificates,
        crls: store.crls,
        raCertificates: () =>
          (findGeneration(authorities, caId)?.generation.ras ?? []).map((ra) => ra.certificateDer),
        crlUrl: pointersOf(found).crlUrl,
        crlRules: crlRulesOf(composed.settings.crl),
        clock,
      })
      made.set(caId, backend)
      return backend
    },
  }
}

/** Answers OCSP for the CAs that have it switched on. */
export function composeOcsp(
  authorities: ComposedAuthorities,
  signer: CryptoPool,
  store: Store,
  clock: Clock,
  journal: Journal,
): OcspResponder {
  const mayRepeat = createReminder(clock, HOUR_MS)
  return createOcspResponder({
    authorities: () =>
      listGenerations(authorities)
        .filter(({ composed }) => composed.settings.ocsp.enabled)
        .map(({ caId, composed: { settings }, generation }) => ({
          caId,
          issuerDer: generation.issuingDer,
          cacheMs: settings.ocsp.cacheSeconds * 1000,
          validityMs: settings.ocsp.validityMinutes * MINUTE_MS,
          maxSignedPerSecond: settings.ocsp.maxSignedPerSecond,
        })),
    signer,
    certificates: store.certificates,
    clock,
    random: randomBytes,
    onFailure: (error) => {
      const errorMessage = describeError(error)
      if (mayRepeat(errorMessage))
        journal.record(events.CaUnavailable, { detail: 'OCSP could not be answered', errorMessage })
    },
  })
}

/**
 * What GetCACert tells of a generation: RA certificate, or the pair of them, issuing CA, root (REQ-36, REQ-42).
 *
 * @param generation the current one; the next one for GetNextCACert
 */
export function caCertificatesOf(
  { settings }: ComposedAuthority,
  { ras, issuingDer, rootDer }: AuthorityGeneration,
): readonly Uint8Array[] {
  return [
    ...ras.filter(({ isCurrent }) => isCurrent).map((ra) => ra.certificateDer),
    ...(settings.includeIntermediate ? [issuingDer] : []),
    ...(settings.includeRoot ? [rootDer] : []),
  ]
}

/** For metrics and the status page: of generations whose time is over, and of those that were cancelled, nothing. */
export function listExpiring(authorities: ComposedAuthorities, now: Date): ExpiringCertificate[] {
  return listGenerations(authorities)
    .filter(
      ({ composed, generation }) =>
        findRetirement(generation, composed.authority.generations, now) === undefined,
    )
    .flatMap(({ caId: name, generation: { issuingDer, ras } }) => [
      { kind: 'ca' as const, name, notAfter: parseCertificate(issuingDer).notAfter },
      ...ras
        .filter(({ isCurrent }) => isCurrent)
        .map((ra) => ({
          kind: 'ra' as const,
          name,
          notAfter: parseCertificate(ra.certificateDer).notAfter,
        })),
    ])
}

/** The authority as its folder has it: a command or another instance may have changed it. */
async function loadNewest({ authority, directory }: ComposedAuthority, passphrase: Secret) {
  return (await getRevision(directory)) === authority.revision
    ? authority
    : await loadAuthority(directory, passphrase)
}

/**
 * Publishes the CRLs of all generations on schedule, renews RA certificates before they run out, and takes over what
 * `ca rotate-ra` and `ca roll` made, and a hand-over that came, within a minute.
 */
export function addCaDuties(
  duties: Duties,
  authorities: ComposedAuthorities,
  cas: CaBackends,
  ports: {
    readonly store: Store
    readonly pool: CryptoPool
    readonly passphrase: Secret
    readonly journal: Journal
    readonly clock: Clock
    /** Name of this instance. */
    readonly holder: string
  },
): void {
  const { store, pool, passphrase, journal, clock, holder } = ports
  for (const [id, composed] of authorities) {
    const { crl, ra } = composed.settings
    const schedule = crlScheduleOf(crl)
    const failures = new Map<string, number>()
    async function publishWhenDue(caId: string): Promise<void> {
      const now = clock.now()
      if (Math.abs(now.getTime() - (failures.get(caId) ?? 0)) < MINUTE_MS) return
      if (!isCrlDue(await store.crls.status(caId), now, schedule)) return
      // Two instances at once would be right too, but sign twice.
      const until = new Date(now.getTime() + MINUTE_MS)
      if (!(await store.leases.acquire(`crl/${caId}`, holder, now, until))) return
      try {
        const published = await cas.get(caId)?.publishCrl()
        journal.record(events.CrlPublished, { caId, count: published?.number })
      } catch (error) {
        failures.set(caId, now.getTime())
        journal.record(events.CrlPublicationFailed, { caId, errorMessage: describeError(error) })
      } finally {
        await store.leases.release(`crl/${caId}`, holder)
      }
    }
    duties.add(`CRL of ${id}`, CRL_LOOK_MS, async () => {
      for (const { number } of composed.authority.generations)
        await publishWhenDue(caIdOf(id, number))
    })

    const mayRepeat = createReminder(clock, HOUR_MS)
    let signing = findCurrent(composed.authority.generations, clock.now()).number
    duties.add(`RA of ${id}`, MINUTE_MS, async () => {
      try {
        const before = { authority: composed.authority, signing }
        const renewed = await renewRa(await loadNewest(composed, passphrase), passphrase, {
          now: clock.now(),
          random: randomBytes,
          raDays: ra.validityDays,
          overlapDays: ra.overlapDays,
          raPair: ra.pair,
        })
        const now = clock.now()
        const current = findCurrent(renewed.generations, now).number
        if (renewed === before.authority && current === signing) return
        await takeOver(composed, renewed, () => pool.updateKeys(keysOf(authorities, now)))
        signing = current
        recordGenerations(id, before, renewed, now, journal)
      } catch (error) {
        const errorMessage = describeError(error)
        if (mayRepeat(errorMessage))
          journal.record(events.RaRenewalFailed, { caId: id, errorMessage })
      }
    })
  }
}

/** The threads must hold the new key before a device can read its certificate. */
async function takeOver(
  composed: ComposedAuthority,
  renewed: Authority,
  updateThreads: () => Promise<void>,
): Promise<void> {
  const before = composed.authority
  composed.authority = renewed
  try {
    await updateThreads()
  } catch (error) {
    composed.authority = before
    throw error
  }
}
