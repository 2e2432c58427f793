import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { encodeEscrow } from '../../src/connector/pkcs/escrow.ts'
import { parseCertificate, sealContent } from '../../src/pki/index.ts'
import { openStore } from '../../src/store/index.ts'
import { makeIdentity } from '../unit/pfx/pfx-fixtures.ts'
import { checkPayloads, type DeliveredPayload } from './installed-payloads.ts'
import { recordIssued } from './issued-before.ts'
import type { QueueSite } from './queue-site.ts'
import type { QueueStory } from './queue-story.ts'

/** Of so many requests one has no escrow copy. */
const COPYLESS_ONE_OF = 10
const DEVICES = 5

/** A certificate with its key. */
interface Owned {
  readonly certificate: X509Certificate
  readonly keyDer: Uint8Array
}

/** One of a device, and the copy that both connectors open. */
interface Escrowed extends Owned {
  readonly deviceId: string
  readonly escrowCms: string
}

/**
 * Keys that are sealed again from their escrow copies, which either connector opens; both registers have the certificates.
 * Each device opens what it gets.
 */
export function createRecryptStory(): QueueStory {
  let folder = ''
  const owned: Owned[] = []
  const escrowed: Escrowed[] = []
  const ofItem = (index: number): Escrowed => {
    const found = escrowed[index % DEVICES]
    if (found === undefined) throw new Error('the story has not begun')
    return found
  }

  return {
    kind: 'pkcsRecrypt',
    adminEvents: { succeeded: 1200, failedFinal: 1201 },
    configurationOf: (deviceIssuersFile) => `features: { scep: false, pkcs: true }
pkcs:
  deviceIssuersFile: ${deviceIssuersFile}
  templates:
    - certificationAuthority: ca1.corp.example
      certificationAuthorityName: Corp Issuing CA
      certificateTemplateName: IntuneUser
      subject: ['CN=*']`,
    async prepare(sites) {
      folder = sites[0].folder
      for (let made = 0; made < DEVICES; made += 1)
        owned.push(makeOwned(folder, `certificate${made}`))
      for (const site of sites) await recordAll(site, owned)
    },
    async begin(service) {
      const connectors = (await service.listEscrowCertificates()).map(parseCertificate)
      for (const { certificate, keyDer } of owned) {
        const { deviceId } = await service.issueDevice()
        const certificateDer = new Uint8Array(certificate.raw)
        const copy = encodeEscrow({ keyDer, certificateDer, chain: [], deviceId })
        const sealed = sealContent(copy, connectors, 'strong', randomBytes)
        const escrowCms = Buffer.from(sealed).toString('base64')
        escrowed.push({ deviceId, certificate, keyDer, escrowCms })
      }
    },
    orderOf(index) {
      const { deviceId, certificate, escrowCms } = ofItem(index)
      const thumbprint = thumbprintOf(certificate).toLowerCase()
      const members = isCopyless(index) ? { escrowPayload: null } : {}
      return { deviceId, thumbprint, escrowCms, members }
    },
    endOf: (index) => (isCopyless(index) ? 'failedFinal' : 'succeeded'),
    async check({ served, service }) {
      const delivered = served.flatMap(({ results, deviceId }, index) =>
        results
          .filter(({ outcome, result }) => outcome === 'recorded' && result['succeeded'] === true)
          .map(({ result }) => ({
            index,
            deviceId,
            certificateBase64: ofItem(index).certificate.raw.toString('base64'),
            payload: result['payload'] as DeliveredPayload['payload'],
          })),
      )
      return { violations: await checkPayloads(delivered, join(folder, 'delivered'), service) }
    },
  }
}

function isCopyless(index: number): boolean {
  return index % COPYLESS_ONE_OF === COPYLESS_ONE_OF - 1
}

function thumbprintOf({ fingerprint }: X509Certificate): string {
  return fingerprint.replaceAll(':', '')
}

function makeOwned(folder: string, name: string): Owned {
  makeIdentity(folder, name, { key: ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'] })
  const key = createPrivateKey(readFileSync(join(folder, `${name}.key`)))
  return {
    certificate: new X509Certificate(readFileSync(join(folder, `${name}.crt`))),
    keyDer: new Uint8Array(key.export({ type: 'pkcs8', format: 'der' })),
  }
}

async function recordAll({ dataDir }: QueueSite, owned: readonly Owned[]): Promise<void> {
  const store = await openStore({ kind: 'sqlite', file: join(dataDir, 'connector.db') })
  try {
    for (const { certificate } of owned) {
      const der = new Uint8Array(certificate.raw)
      await recordIssued(store, certificate.serialNumber, der, thumbprintOf(certificate))
    }
  } finally {
    await store.close()
  }
}
