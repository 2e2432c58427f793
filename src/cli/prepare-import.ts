import { createPublicKey, hash, type KeyObject, randomBytes } from 'node:crypto'
import { open, readFile } from 'node:fs/promises'
import type { ImportedPfxRecord, ImportKeeper } from '../compose/index.ts'
import type { Configuration } from '../config/index.ts'
import { ConnectorError, type Secret } from '../kernel/index.ts'
import type { KeyName, PaddingScheme } from '../keys/index.ts'
import type { ImportCheck, OpenedPfx, PfxIdentity } from '../pfx/index.ts'
import { openConfiguredKeyRing } from './configured-key-ring.ts'
import { loadSecretInput } from './secret-input.ts'

const MAX_FILE_OCTETS = 1024 * 1024

/** What `import add` is told. */
export interface AddOptions {
  readonly user: string
  readonly key: string
  readonly provider?: string
  readonly publicKeyFile?: string
  /** As Graph names it. */
  readonly purpose: string
  readonly padding: PaddingScheme
  readonly passwordFile?: string
  readonly newPassword?: boolean
  readonly pfxEncryption: 'aes256' | 'tripleDes'
  readonly allowExpired?: boolean
  readonly replace?: boolean
  readonly dryRun?: boolean
  readonly at?: ImportKeeper
}

/** An import that is ready to be sent, and what is to be said of it. With problems it must not be. */
export interface PreparedImport extends ImportCheck {
  readonly record: ImportedPfxRecord
}

/**
 * Opens a PFX, judges it, and makes the record with the password encrypted. Sends nothing.
 *
 * @throws ConnectorError `pfx/unreadable`, `import/refused`, `key/unknown`, `key/unreadable`, `config/invalid`
 */
export async function prepareImport(
  file: string,
  options: AddOptions,
  configuration: Configuration,
  now: Date,
): Promise<PreparedImport> {
  const { checkImport, findIdentity, openPfxInThread } = await import('../pfx/index.ts')
  const { DEFAULT_PROVIDER, encryptPassword, maxPasswordOctets, parseKeyName } = await import(
    '../keys/index.ts'
  )
  const name = parseKeyName(options.provider ?? DEFAULT_PROVIDER, options.key)
  const publicKey = await loadPublicKey(name, options.publicKeyFile, configuration)
  const bytes = await loadPfx(file)
  const given = await loadSecretInput(
    options.passwordFile,
    `Password of ${file}`,
    '--password-file',
  )
  const opened = await openPfxInThread(bytes, given)
  const identity = findIdentity(opened)
  const used =
    options.newPassword === true
      ? await makePfx(opened, identity, options)
      : { bytes, password: given, protection: opened.protection }

  const { padding, purpose, allowExpired = false } = options
  const bits = publicKey.asymmetricKeyDetails?.modulusLength ?? 0
  const { problems, warnings } = checkImport({
    identity,
    protection: used.protection,
    password: used.password,
    maxPasswordOctets: maxPasswordOctets(bits, padding),
    purpose,
    allowExpired,
    now,
  })
  const password = Buffer.from(used.password.reveal(), 'latin1')
  const { certificate } = identity
  const record: ImportedPfxRecord = {
    thumbprint: hash('sha1', certificate.raw, 'hex'),
    intendedPurpose: purpose,
    userPrincipalName: options.user,
    startDateTime: certificate.validFromDate,
    expirationDateTime: certificate.validToDate,
    providerName: name.provider,
    keyName: name.key,
    paddingScheme: padding,
    encryptedPfxBlob: used.bytes,
    // A record with problems goes nowhere; its password may not even fit.
    encryptedPfxPassword:
      problems.length > 0 ? new Uint8Array() : encryptPassword(publicKey, padding, password),
  }
  password.fill(0)
  const weakPadding =
    padding === 'pkcs1'
      ? [
          'PKCS #1 v1.5 is weak and refused by Microsoft’s tools; take it only for a key that knows no OAEP',
        ]
      : []
  return { problems, warnings: [...weakPadding, ...warnings], record }
}

/** The same key and certificates in a new file, under a password that nobody has chosen. */
async function makePfx(opened: OpenedPfx, identity: PfxIdentity, options: AddOptions) {
  const { encodePfx, generatePfxPassword, openPfx } = await import('../pfx/index.ts')
  const password: Secret = generatePfxPassword(randomBytes)
  const content = {
    keyDer: opened.keys[0]?.der ?? new Uint8Array(),
    certificateDer: identity.certificate.raw,
    chain: identity.others.map(({ raw }) => raw),
  }
  const bytes = encodePfx(content, password, options.pfxEncryption, randomBytes)
  // What is sent is what was proven to open.
  return { bytes, password, protection: openPfx(bytes, password.reveal()).protection }
}

async function loadPublicKey(
  name: KeyName,
  file: string | undefined,
  configuration: Configuration,
): Promise<KeyObject> {
  if (file !== undefined) return await readPublicKey(file)
  const ring = await openConfiguredKeyRing(configuration)
  const key = await ring.find(name)
  if (key !== undefined) return createPublicKey(key)
  throw new ConnectorError(
    'key/unknown',
    `the key ring has no key '${name.key}' of provider '${name.provider}': certconnector keyring list shows what it has; ` +
      'where the ring is elsewhere give --public-key-file',
  )
}

async function readPublicKey(file: string): Promise<KeyObject> {
  const { parseCngBlob } = await import('../keys/index.ts')
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new ConnectorError('config/invalid', `--public-key-file: ${file} cannot be read`, {
      cause,
    })
  })
  let key: KeyObject
  try {
    key = bytes.includes('-----BEGIN ') ? createPublicKey(bytes) : parseCngBlob(bytes).key
  } catch (cause) {
    throw new ConnectorError(
      'config/invalid',
      `--public-key-file: ${file} is neither PEM nor an RSAPUBLICBLOB`,
      { cause },
    )
  }
  if (key.asymmetricKeyType === 'rsa' && key.type === 'public') return key
  throw new ConnectorError('config/invalid', `--public-key-file: ${file} holds no public RSA key`)
}

async function loadPfx(file: string): Promise<Uint8Array> {
  try {
    await using handle = await open(file, 'r')
    const { size } = await handle.stat()
    if (size <= MAX_FILE_OCTETS) return new Uint8Array(await handle.readFile())
  } catch (cause) {
    throw new ConnectorError('pfx/unreadable', `${file} cannot be read`, { cause })
  }
  throw new ConnectorError('pfx/unreadable', `${file} is larger than ${MAX_FILE_OCTETS} octets`)
}
