import { X509Certificate } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readEvents } from '../../src/events/index.ts'
import { readRows } from './check-queues.ts'
import { checkPayloads, type DeliveredPayload, openssl } from './installed-payloads.ts'
import type { ServedDevice, ServedItem } from './queue-service.ts'
import { CA_ID, type QueueSite } from './queue-site.ts'
import type { QueueEnd, QueueStory, StoryFindings } from './queue-story.ts'

/** Of so many requests one is for a template that nobody has. */
const REFUSED_ONE_OF = 10
/** Of so many one is for an RSA key: what takes longest is the key. */
const RSA_ONE_OF = 5
const DEVICES = 5
const LEASE_SECONDS = 3
const ORPHAN_EVENT = 61

/** A certificate that a connector signed, as its register has it. */
interface Signed {
  readonly site: QueueSite
  readonly serialHex: string
  readonly certificate: X509Certificate
  readonly state: string
}

/** A certificate that the service has for an item. */
interface Delivered extends DeliveredPayload {
  readonly serialHex: string
}

/**
 * Certificates with their keys. Each connector has a CA and a register of its own, and both answer for the CA that requests
 * name: what one of them signed only that one can revoke. Leases are short, so that those of the dead are lost in earnest.
 *
 * Looked at from outside: what the service has opens on its device, and is valid by the CA and the CRL of whoever signed it;
 * everything else that was ever signed is revoked there, and event 61 says so.
 */
export function createPkcsStory(): QueueStory {
  const devices: ServedDevice[] = []

  return {
    kind: 'pkcs',
    leaseSeconds: LEASE_SECONDS,
    adminEvents: { succeeded: 1000, failedFinal: 1001 },
    configurationOf: (deviceIssuersFile) => `features: { scep: false, pkcs: true }
pkcs:
  deviceIssuersFile: ${deviceIssuersFile}
  templates:
    - certificationAuthority: ca1.corp.example
      certificationAuthorityName: Corp Issuing CA
      certificateTemplateName: IntuneUser
      subject: ['CN=*', 'E=*@corp.example', 'O=Corp']
      subjectAltNames: ['userPrincipalName=*@corp.example', 'emailAddress=*@corp.example']`,
    prepare: async () => undefined,
    async begin(service) {
      for (let made = 0; made < DEVICES; made += 1) devices.push(await service.issueDevice())
    },
    orderOf: (index) => ({
      deviceId: devices[index % DEVICES]?.deviceId,
      user: userOf(index),
      members: {
        ...(isRefused(index) ? { certificateTemplateName: 'DomainController' } : {}),
        ...(index % RSA_ONE_OF === 0
          ? {}
          : { keyAlgorithm: 'ec', keySize: 256, keyUsage: ['digitalSignature'] }),
      },
    }),
    endOf: (index) => (isRefused(index) ? 'failedFinal' : 'succeeded'),
    check: async (end) => await checkCertificates(end),
  }
}

function isRefused(index: number): boolean {
  return index % REFUSED_ONE_OF === REFUSED_ONE_OF - 1
}

function userOf(index: number): string {
  return `user${index}`
}

async function checkCertificates({
  sites,
  served,
  crls,
  service,
}: QueueEnd): Promise<StoryFindings> {
  const delivered = served.flatMap(listDelivered)
  const signed = sites.flatMap(listSigned)
  const deliveredSerials = new Set(delivered.map(({ serialHex }) => serialHex))
  const orphans = signed.filter(({ serialHex }) => !deliveredSerials.has(serialHex))
  const [reported, judged, opened] = [
    await Promise.all(sites.map(listReported)),
    await Promise.all(
      sites.map(async (site) => {
        const ofSite = signed.filter((one) => one.site === site)
        return await judgeByOpenssl(site, ofSite, crls.get(site) ?? new Uint8Array())
      }),
    ),
    await checkPayloads(delivered, join(sites[0]?.folder ?? '', 'delivered'), service),
  ]
  const told = new Set(reported.flat())
  const isGood = new Map(judged.flatMap((one) => [...one]))
  const violations = [
    ...opened,
    ...repeated(signed.map(({ serialHex }) => serialHex)).map((one) => `serial ${one} twice`),
    ...delivered.flatMap((one) => checkDelivered(one, signed, isGood)),
    ...orphans.flatMap(({ site, serialHex, state }) => [
      ...(state === 'revoked' && isGood.get(serialHex) === 'revoked'
        ? []
        : [`${site.name}: orphan ${serialHex} is ${state}, by the CRL ${isGood.get(serialHex)}`]),
      ...(told.has(serialHex) ? [] : [`${site.name}: orphan ${serialHex} is in no event 61`]),
    ]),
  ]
  const unsigned = sites.flatMap((site) =>
    readRows(site, 'SELECT state FROM certificate WHERE certificate_der IS NULL'),
  )
  return {
    violations,
    figures: {
      certificates: signed.length,
      orphans: orphans.length,
      intentsOpen: unsigned.filter(({ state }) => state === 'reserved').length,
      intentsClosed: unsigned.filter(({ state }) => state === 'abandoned').length,
    },
  }
}

/** In one register, as the service has it, in force, and for the user of the item. */
function checkDelivered(
  { index, serialHex, certificateBase64 }: Delivered,
  signed: readonly Signed[],
  isGood: ReadonlyMap<string, string>,
): string[] {
  const found = signed.filter((one) => one.serialHex === serialHex)
  const [record] = found
  if (record === undefined) return [`item ${index}: ${serialHex} is in no register`]
  const { certificate, state } = record
  const verdict = isGood.get(serialHex)
  return [
    ...(found.length === 1 ? [] : [`item ${index}: ${serialHex} is in ${found.length} registers`]),
    ...(certificate.raw.toString('base64') === certificateBase64
      ? []
      : [`item ${index}: the service has another certificate ${serialHex} than the register`]),
    ...(certificate.subject.split('\n').includes(`CN=${userOf(index)}`)
      ? []
      : [`item ${index}: the certificate is of ${certificate.subject}`]),
    ...(state === 'issued' && verdict === 'good'
      ? []
      : [`item ${index}: ${serialHex} was delivered and is ${state}, by the CRL ${verdict}`]),
  ]
}

function listDelivered({ results, deviceId }: ServedItem, index: number): Delivered[] {
  return results
    .filter(({ outcome, result }) => outcome === 'recorded' && result['succeeded'] === true)
    .map(({ result }) => ({
      index,
      serialHex: String(result['serialNumber']),
      deviceId,
      certificateBase64: String(result['certificate']),
      payload: result['payload'] as Delivered['payload'],
    }))
}

function listSigned(site: QueueSite): Signed[] {
  return readRows(
    site,
    'SELECT serial_hex, certificate_der, state FROM certificate WHERE certificate_der IS NOT NULL',
  ).map((row) => ({
    site,
    serialHex: String(row['serial_hex']),
    certificate: new X509Certificate(row['certificate_der'] as Uint8Array),
    state: String(row['state']),
  }))
}

async function listReported({ dataDir }: QueueSite): Promise<readonly string[]> {
  const query = { id: ORPHAN_EVENT, limit: Number.MAX_SAFE_INTEGER }
  const found = await readEvents(join(dataDir, 'logs'), query)
  return found.map((event) => String(event['serialNumber']))
}

/** What `openssl verify -crl_check` says of each, by its serial number. */
async function judgeByOpenssl(
  { folder, dataDir }: QueueSite,
  signed: readonly Signed[],
  crlDer: Uint8Array,
): Promise<ReadonlyMap<string, string>> {
  if (signed.length === 0) return new Map()
  const cwd = join(folder, 'judged')
  mkdirSync(cwd)
  const ca = join(dataDir, 'ca', CA_ID)
  const pems = readdirSync(ca).filter((name) => /^(root|issuing)-.*\.pem$/.test(name))
  writeFileSync(join(cwd, 'ca'), pems.map((name) => readFileSync(join(ca, name), 'utf8')).join(''))
  writeFileSync(join(cwd, 'crl.der'), crlDer)
  await openssl(cwd, ['crl', '-inform', 'DER', '-in', 'crl.der', '-out', 'crl'])
  for (const { serialHex, certificate } of signed)
    writeFileSync(join(cwd, serialHex), certificate.toString())
  const words = ['verify', '-crl_check', '-CAfile', 'ca', '-CRLfile', 'crl']
  const said = await openssl(cwd, [...words, ...signed.map(({ serialHex }) => serialHex)])
  return new Map(
    signed.map(({ serialHex }) => {
      if (said.includes(`${serialHex}: OK`)) return [serialHex, 'good']
      const about = said.slice(0, said.indexOf(`error ${serialHex}: verification failed`))
      const reason = about.trimEnd().split('\n').at(-1) ?? ''
      return [serialHex, /certificate revoked/.test(reason) ? 'revoked' : reason]
    }),
  )
}

function repeated(values: readonly string[]): readonly string[] {
  return values.filter((value, index) => values.indexOf(value) !== index)
}
