import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import {
  type Authority,
  createEmbeddedCa,
  createOcspResponder,
  describeAuthority,
  type EmbeddedCa,
  getIssuerMaterial,
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
import { type Clock, describeError, type Secret } from '../kernel/index.ts'
import { parseCertificate } from '../pki/index.ts'
import type { Store } from '../store/index.ts'
import type { CryptoKeys, CryptoPool } from '../workers/index.ts'
import { createReminder } from './health-events.ts'

/** An embedded CA of the configuration with its keys; `authority` is replaced when its RA is renewed. */
export interface ComposedAuthority {
  readonly settings: Configuration['ca'][number]
  readonly directory: string
  readonly isNew: boolean
  readonly pointers: {
    readonly caIssuersUrl: string
    readonly crlUrl: string
    readonly ocspUrl: string | undefined
    readonly allowsSidExtension: boolean
  }
  authority: Authority
}

export type ComposedAuthorities = ReadonlyMap<string, ComposedAuthority>

const MINUTE_MS = 60_000

/** How soon a revocation by command is seen. */
const CRL_LOOK_MS = 2000
const HOUR_MS = 60 * MINUTE_MS

/** Loads the embedded CAs, making those that do not exist yet; a root of RSA-4096 takes seconds. */
export async function loadAuthorities(
  configuration: Configuration,
  passphrase: Secret,
  clock: Clock,
): Promise<ComposedAuthorities> {
  const base = configuration.listeners.device.publicUrl.replace(/\/+$/, '')
  const composed = new Map<string, ComposedAuthority>()
  for (const settings of configuration.ca) {
    const directory = join(configuration.dataDir, 'ca', settings.id)
    const { authority, isNew } = await initAuthority(directory, passphrase, {
      names: namesOf(settings),
      rootKey: settings.rootKey,
      issuingKey: settings.issuingKey,
      rootYears: settings.rootYears,
      issuingYears: settings.issuingYears,
      raDays: settings.ra.validityDays,
      now: clock.now(),
      random: randomBytes,
    })
    const pointers = {
      caIssuersUrl: `${base}/aia/${settings.id}.cer`,
      crlUrl: `${base}/crl/${settings.id}.crl`,
      ocspUrl: settings.ocsp.enabled ? `${base}/ocsp` : undefined,
      allowsSidExtension: configuration.profiles.some(
        (profile) => profile.ca === settings.id && hasVerifiedSids(profile),
      ),
    }
    composed.set(settings.id, { settings, directory, isNew, pointers, authority })
  }
  return composed
}

/** The CA signs SID extensions only where a profile verifies them. */
function hasVerifiedSids({ certificate, templates }: Configuration['profiles'][number]): boolean {
  return [certificate, ...templates.map((template) => template.certificate)].some(
    ({ sid }) => sid === 'verified',
  )
}

/** Names of a new CA, from configuration. */
export function namesOf(settings: Configuration['ca'][number]) {
  return {
    name: settings.name,
    ...(settings.organisation === undefined ? {} : { organisation: settings.organisation }),
    ...(settings.country === undefined ? {} : { country: settings.country }),
  }
}

/** What the worker threads hold. */
export function keysOf(authorities: ComposedAuthorities): CryptoKeys {
  const all = [...authorities.values()]
  return {
    ras: all.flatMap(({ authority }) => authority.ras),
    issuers: all.map(({ settings, authority, pointers }) =>
      getIssuerMaterial(authority, settings.id, pointers),
    ),
  }
}

/** The backends, by id. */
export function openCas(
  authorities: ComposedAuthorities,
  signer: CryptoPool,
  store: Store,
  clock: Clock,
): ReadonlyMap<string, EmbeddedCa> {
  return new Map(
    [...authorities].map(([id, composed]) => [
      id,
      createEmbeddedCa({
        id,
        chain: [composed.authority.issuingDer, composed.authority.rootDer],
        signer,
        certificates: store.certificates,
        crls: store.crls,
        raCertificates: () => composed.authority.ras.map((ra) => ra.certificateDer),
        crlValidityHours: composed.settings.crl.validityHours,
        clock,
      }),
    ]),
  )
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
      [...authorities.values()]
        .filter(({ settings }) => settings.ocsp.enabled)
        .map(({ settings: { id, ocsp }, authority }) => ({
          caId: id,
          issuerDer: authority.issuingDer,
          cacheMs: ocsp.cacheSeconds * 1000,
          validityMs: ocsp.validityMinutes * MINUTE_MS,
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

/** What GetCACert publishes: RA certificate, issuing CA, root (REQ-36, REQ-42). */
export function caCertificatesOf(composed: ComposedAuthority): readonly Uint8Array[] {
  const { authority, settings } = composed
  return [
    ...authority.ras.filter(({ isCurrent }) => isCurrent).map((ra) => ra.certificateDer),
    authority.issuingDer,
    ...(settings.includeRoot ? [authority.rootDer] : []),
  ]
}

/** For metrics and the status page. */
export function listExpiring(authorities: ComposedAuthorities): ExpiringCertificate[] {
  return [...authorities].flatMap(([name, { authority }]) => [
    { kind: 'ca' as const, name, notAfter: parseCertificate(authority.issuingDer).notAfter },
    ...authority.ras
      .filter(({ isCurrent }) => isCurrent)
      .map((ra) => ({
        kind: 'ra' as const,
        name,
        notAfter: parseCertificate(ra.certificateDer).notAfter,
      })),
  ])
}

/** The authority as its folder has it: `ca rotate-ra` or another instance may have renewed the RA. */
async function loadNewest({ authority, directory }: ComposedAuthority, passphrase: Secret) {
  const { generation } = await describeAuthority(directory)
  return generation === authority.generation
    ? authority
    : await loadAuthority(directory, passphrase)
}

/**
 * Publishes CRLs on schedule, renews RA certificates before they run out, and takes over what `ca rotate-ra` made within
 * a minute.
 */
export function addCaDuties(
  duties: Duties,
  authorities: ComposedAuthorities,
  cas: ReadonlyMap<string, EmbeddedCa>,
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
  for (const [caId, composed] of authorities) {
    const { crl, ra } = composed.settings
    const schedule = {
      everyMs: crl.publishEveryHours * HOUR_MS,
      debounceMs: crl.debounceSeconds * 1000,
    }
    let failedAt = 0
    duties.add(`CRL of ${caId}`, CRL_LOOK_MS, async () => {
      const now = clock.now()
      if (now.getTime() - failedAt < MINUTE_MS) return
      if (!isCrlDue(await store.crls.status(caId), now, schedule)) return
      // Two instances at once would be right too, but sign twice.
      const until = new Date(now.getTime() + MINUTE_MS)
      if (!(await store.leases.acquire(`crl/${caId}`, holder, now, until))) return
      try {
        const published = await cas.get(caId)?.publishCrl()
        journal.record(events.CrlPublished, { caId, count: published?.number })
      } catch (error) {
        failedAt = now.getTime()
        journal.record(events.CrlPublicationFailed, { caId, errorMessage: describeError(error) })
      } finally {
        await store.leases.release(`crl/${caId}`, holder)
      }
    })
    const mayRepeat = createReminder(clock, HOUR_MS)
    duties.add(`RA of ${caId}`, MINUTE_MS, async () => {
      try {
        const renewed = await renewRa(await loadNewest(composed, passphrase), passphrase, {
          now: clock.now(),
          random: randomBytes,
          raDays: ra.validityDays,
          overlapDays: ra.overlapDays,
        })
        if (renewed === composed.authority) return
        await takeOver(composed, renewed, () => pool.updateKeys(keysOf(authorities)))
        journal.record(events.RaRenewed, { caId })
      } catch (error) {
        const errorMessage = describeError(error)
        if (mayRepeat(errorMessage)) journal.record(events.RaRenewalFailed, { caId, errorMessage })
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
