import { setTimeout as sleep } from 'node:timers/promises'
import { type Clock, ConnectorError, systemClock } from '../../kernel/index.ts'
import type { ProxyOptions } from '../http/proxy-options.ts'
import { CLOUDS, type CloudUrls, INTUNE_HOST_SUFFIXES } from './clouds.ts'
import type { IntuneCredential, IntuneOptions } from './options.ts'
import type { ServiceMapStore } from './service-map.ts'

const INTUNE_APP_ID = '0000000a-0000-0000-c000-000000000000'
const SCEP_API_VERSION = '2018-02-20'

/** The odd year is right. */
const REVOCATION_API_VERSION = '5019-05-05'
const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
const TENANT = /^[a-z0-9][a-z0-9.-]{0,252}$/i
const PRINTABLE = /^[\x21-\x7e][\x20-\x7e]{0,199}$/
const VERSION = /^[A-Za-z0-9.-]{1,40}$/

/** Options with every default filled in and every text checked. */
export interface IntuneSettings extends CloudUrls {
  readonly tenant: string
  readonly clientId: string
  readonly credential: IntuneCredential
  readonly provider: string
  readonly intuneScope: string
  readonly graphScope: string
  readonly intuneAppId: string
  readonly graphVersion: string
  readonly scepApiVersion: string
  readonly revocationApiVersion: string
  readonly revocationErrorCodes: 'name' | 'number'
  readonly connectMs: number
  readonly readMs: number
  readonly budgetMs: number
  readonly proxy: ProxyOptions | undefined
  readonly trustedCaPem: string | undefined
  readonly allowedHostSuffixes: readonly string[]
  readonly discoveryTtlMs: number
  readonly serviceMapStore: ServiceMapStore | undefined
  readonly clock: Clock
  readonly random: () => number
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>
}

/**
 * Fills in defaults and checks what a person may have written wrong; all problems in one message.
 *
 * @throws ConnectorError `management/misconfigured`
 */
export function parseOptions(options: IntuneOptions): IntuneSettings {
  const problems: string[] = []
  const cloud =
    typeof options.cloud === 'object' ? options.cloud : CLOUDS[options.cloud ?? 'global']
  const urls = parseUrls(cloud, problems)
  const checkText = (field: string, value: string, shape: RegExp, remedy: string): void => {
    if (!shape.test(value)) problems.push(`${field} is '${value.slice(0, 80)}': ${remedy}`)
  }
  const intuneAppId = options.intuneAppId ?? INTUNE_APP_ID
  const graphVersion = options.graphVersion ?? '1.0'
  const scepApiVersion = options.scepApiVersion ?? SCEP_API_VERSION
  const revocationApiVersion = options.revocationApiVersion ?? REVOCATION_API_VERSION
  checkText('tenant', options.tenant, TENANT, 'give the GUID or a domain of the tenant')
  checkText('clientId', options.clientId, GUID, 'give the application (client) id, a GUID')
  checkText('provider', options.provider, PRINTABLE, 'give name and version in printable ASCII')
  checkText('intuneAppId', intuneAppId, GUID, 'give a GUID')
  checkText('graphVersion', graphVersion, VERSION, 'give a version such as 1.0')
  checkText('scepApiVersion', scepApiVersion, VERSION, 'give a version such as 2018-02-20')
  checkText(
    'revocationApiVersion',
    revocationApiVersion,
    VERSION,
    'give a version such as 5019-05-05',
  )
  problems.push(...checkCredential(options.credential), ...checkProxy(options.proxy))
  if (problems.length > 0) throw new ConnectorError('management/misconfigured', problems.join('; '))
  return {
    ...urls,
    tenant: options.tenant,
    clientId: options.clientId,
    credential: options.credential,
    provider: options.provider,
    intuneScope: options.intuneScope ?? `${urls.intuneResourceUrl}/.default`,
    graphScope: `${urls.graphUrl}.default`,
    intuneAppId,
    graphVersion,
    scepApiVersion,
    revocationApiVersion,
    revocationErrorCodes: options.revocationErrorCodes ?? 'name',
    connectMs: options.timeouts?.connectMs ?? 5_000,
    readMs: options.timeouts?.readMs ?? 10_000,
    budgetMs: options.timeouts?.budgetMs ?? 25_000,
    proxy: options.proxy,
    trustedCaPem: options.trustedCaPem,
    allowedHostSuffixes: options.allowedHostSuffixes ?? INTUNE_HOST_SUFFIXES,
    discoveryTtlMs: (options.discoveryTtlMinutes ?? 30) * 60_000,
    serviceMapStore: options.serviceMapStore,
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
    pause: options.pause ?? ((ms, signal) => sleep(ms, undefined, { signal })),
  }
}

/** All three must be https: each of them receives a credential or a token. */
function parseUrls(cloud: CloudUrls | undefined, problems: string[]): CloudUrls {
  if (cloud === undefined) {
    problems.push(`cloud is unknown: give one of ${Object.keys(CLOUDS).join(', ')}`)
    return CLOUDS.global
  }
  const parse = (field: keyof CloudUrls): string => {
    const url = URL.parse(cloud[field])
    const isPlain = url?.protocol === 'https:' && url.username === '' && url.search === ''
    if (!isPlain || url.hash !== '') {
      problems.push(`${field} is '${url?.origin ?? 'unreadable'}': give a plain https URL`)
    } else if (field === 'authorityUrl' && url.pathname !== '/') {
      problems.push(
        `authorityUrl has the path '${url.pathname}': give it without, the tenant follows`,
      )
    }
    return cloud[field].endsWith('/') ? cloud[field] : `${cloud[field]}/`
  }
  return {
    authorityUrl: parse('authorityUrl'),
    graphUrl: parse('graphUrl'),
    intuneResourceUrl: parse('intuneResourceUrl'),
  }
}

function checkCredential(credential: IntuneCredential): readonly string[] {
  if ('secret' in credential) {
    return credential.secret.length > 0
      ? []
      : ['credential.secret is empty: give the client secret']
  }
  if (credential.certificatePem.includes('-----BEGIN CERTIFICATE-----')) return []
  return ['credential.certificatePem holds no certificate: give the PEM that Entra ID knows']
}

function checkProxy(proxy: ProxyOptions | undefined): readonly string[] {
  if (proxy === undefined) return []
  const url = URL.parse(proxy.url)
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    return ['proxy.url is no http or https URL: give one such as http://proxy.example:3128']
  }
  if (url.username === '' && url.password === '') return []
  return ['proxy.url holds credentials: move them to proxy.username and proxy.password']
}
