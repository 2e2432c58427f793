import {
  constants,
  generateKeyPairSync,
  publicEncrypt,
  randomBytes,
  X509Certificate,
} from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Secret } from '../../src/kernel/index.ts'
import { DEFAULT_PROVIDER, openKeyRing } from '../../src/keys/index.ts'
import { makeIdentity, makePfx } from '../unit/pfx/pfx-fixtures.ts'
import type { QueueStory } from './queue-story.ts'

/** Of so many requests one has a password that nobody can decrypt. */
const SPOILT_ONE_OF = 10
const PEOPLE = 5
const KEY_NAME = 'PFXEncryptionKey'

/** Short ones are outlived. Were the clock of the service moved instead, its new devices would not be valid yet for the connectors. */
const LEASE_SECONDS = 3

/** An imported PFX, as an administrator has it. */
interface Imported {
  readonly certificate: X509Certificate
  readonly pfx: Uint8Array
  readonly password: string
}

/** Imported PFX on their way to devices. Both connectors have the key of their passwords; each device gets the right one. */
export function createImportStory(): QueueStory {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const imported: Imported[] = []
  const ofItem = (index: number): Imported => {
    const found = imported[index % PEOPLE]
    if (found === undefined) throw new Error('the story was not prepared')
    return found
  }
  const sealPassword = (password: string): Buffer =>
    publicEncrypt(
      { key: publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha512' },
      Buffer.from(password),
    )

  return {
    kind: 'pkcsImport',
    leaseSeconds: LEASE_SECONDS,
    adminEvents: { succeeded: 2000, failedFinal: 2001 },
    configurationOf: (deviceIssuersFile) => `features: { scep: false, pkcsImport: true }
pfxImport: { deviceIssuersFile: ${deviceIssuersFile} }`,
    async prepare(sites) {
      for (const { dataDir } of sites) {
        const passphrase = new Secret(readFileSync(join(dataDir, 'passphrase'), 'utf8').trim())
        const ring = openKeyRing(join(dataDir, 'keyring'), passphrase, randomBytes)
        await ring.add({ provider: DEFAULT_PROVIDER, key: KEY_NAME }, privateKey)
      }
      const [{ folder }] = sites
      for (let made = 0; made < PEOPLE; made += 1) {
        const name = `imported${made}`
        const password = randomBytes(24).toString('base64url')
        makeIdentity(folder, name, { key: ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'] })
        const certificate = new X509Certificate(readFileSync(join(folder, `${name}.crt`)))
        imported.push({ certificate, pfx: makePfx(folder, name, password), password })
      }
    },
    begin: async () => undefined,
    orderOf(index) {
      const { certificate, pfx, password } = ofItem(index)
      const thumbprint = certificate.fingerprint.replaceAll(':', '').toLowerCase()
      const encryptedPassword = isSpoilt(index) ? randomBytes(256) : sealPassword(password)
      return {
        userPfxCertificate: {
          id: `${'b'.repeat(32)}-${thumbprint}`,
          thumbprint,
          intendedPurpose: 'smimeEncryption',
          userPrincipalName: 'user1@corp.example',
          providerName: DEFAULT_PROVIDER,
          keyName: KEY_NAME,
          paddingScheme: 'oaepSha512',
          startDateTime: certificate.validFromDate.toISOString(),
          expirationDateTime: certificate.validToDate.toISOString(),
          encryptedPfxBlob: Buffer.from(pfx).toString('base64'),
          encryptedPfxPassword: encryptedPassword.toString('base64'),
        },
      }
    },
    endOf: (index) => (isSpoilt(index) ? 'failedFinal' : 'succeeded'),
    async check({ served, service }) {
      const violations: string[] = []
      for (const [index, { results, deviceId }] of served.entries())
        for (const { outcome, result } of results) {
          if (outcome !== 'recorded' || result['succeeded'] !== true) continue
          const cms = String(result['encryptedPfxPassword'])
          const opened = await service.openAsDevice(deviceId, cms).catch(() => undefined)
          if (Buffer.from(opened ?? []).toString() !== ofItem(index).password)
            violations.push(`item ${index}: its device does not get the password`)
        }
      return { violations }
    },
  }
}

function isSpoilt(index: number): boolean {
  return index % SPOILT_ONE_OF === SPOILT_ONE_OF - 1
}
