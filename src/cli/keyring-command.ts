import { createPublicKey, generateKeyPair, hash, type KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { ConnectorError } from '../kernel/index.ts'
import type { KeyName, KeyRing, PaddingScheme } from '../keys/index.ts'
import { findConfiguration } from './configuration.ts'
import { openConfiguredKeyRing } from './configured-key-ring.ts'
import { testKey } from './keyring-test.ts'
import { loadSecretInput } from './secret-input.ts'

const paddings: readonly PaddingScheme[] = ['oaepSha256', 'oaepSha384', 'oaepSha512', 'pkcs1']

interface ProviderOption {
  readonly provider?: string
}

interface AddOptions extends ProviderOption {
  readonly bits: number
  readonly from?: string
  readonly encrypted?: boolean
  readonly fromPassphraseFile?: string
}

interface ExportOptions extends ProviderOption {
  readonly format: 'pem' | 'cng'
  readonly out?: string
}

interface TestOptions extends ProviderOption {
  readonly padding?: PaddingScheme
  readonly ciphertextFile?: string
}

/** `certconnector keyring …`: the keys that open the passwords of imported PFX. */
export function addKeyringCommand(program: Command): void {
  const keyring = program
    .command('keyring')
    .description('keys that open the passwords of imported PFX: make, import, export, test')
  addAdding(keyring)
  addExporting(keyring)
  addLooking(keyring)
}

function addAdding(keyring: Command): void {
  keyring
    .command('add')
    .description('make an RSA key, or take one from a file, and keep it encrypted')
    .argument('<key-name>', 'keyName of the records')
    .addOption(providerOption())
    .addOption(
      new Option('--bits <number>', 'length of a new key')
        .choices(['2048', '3072', '4096'])
        .default(2048)
        .argParser(parseBits),
    )
    .option('--from <file>', 'take this private key: PEM, or PKCS #8 as DER')
    .option('--encrypted', 'the file is encrypted; its passphrase is asked for')
    .option('--from-passphrase-file <file>', 'passphrase of that file, first line')
    .action(async (keyName: string, options: AddOptions, command: Command) => {
      const { ring, name } = await open(command, options.provider, keyName)
      const key = options.from === undefined ? await makeKey(options.bits) : await readKey(options)
      await ring.add(name, key)
      process.stdout.write(`added ${describe(name, key)}\n`)
    })

  keyring
    .command('import-cng')
    .description('take an RSA key from a CNG blob (RSA2, RSA3), as Microsoft’s tools export it')
    .argument('<key-name>', 'keyName of the records')
    .argument('<file>', 'the blob; delete it afterwards, it is a key in the clear')
    .addOption(providerOption())
    .action(async (keyName: string, file: string, options: ProviderOption, command: Command) => {
      const { ring, name } = await open(command, options.provider, keyName)
      const { loadPrivateFile, parseCngBlob } = await loadKeys()
      const { kind, key } = parseCngBlob(await loadPrivateFile(file))
      if (kind === 'public')
        throw new ConnectorError(
          'key/unsuitable',
          `${file} holds a public key (RSA1); export the private one where it was made`,
        )
      await ring.add(name, key)
      process.stdout.write(`added ${describe(name, key)}\nDelete ${file}: it is not encrypted.\n`)
    })
}

function addExporting(keyring: Command): void {
  keyring
    .command('export-public')
    .description('write the public key, for whoever encrypts passwords')
    .argument('<key-name>', 'keyName of the records')
    .addOption(providerOption())
    .addOption(
      new Option('--format <name>', 'pem: SubjectPublicKeyInfo; cng: RSAPUBLICBLOB (RSA1)')
        .choices(['pem', 'cng'])
        .default('pem'),
    )
    .option('--out <file>', 'write there instead of standard output; must not exist')
    .action(async (keyName: string, options: ExportOptions, command: Command) => {
      const { ring, name } = await open(command, options.provider, keyName)
      const publicKey = createPublicKey(await getKey(ring, name))
      const { encodeCngBlob } = await loadKeys()
      const bytes =
        options.format === 'cng'
          ? encodeCngBlob(publicKey, 'public')
          : new TextEncoder().encode(publicKey.export({ format: 'pem', type: 'spki' }).toString())
      if (options.out === undefined) process.stdout.write(bytes)
      else await writeNew(options.out, bytes)
    })

  keyring
    .command('export-cng')
    .description('write the private key as CNG blob (RSA3), for a connector on Windows')
    .argument('<key-name>', 'keyName of the records')
    .argument('<file>', 'must not exist')
    .addOption(providerOption())
    .requiredOption('--unencrypted', 'yes, the file is the key in the clear: CNG reads no other')
    .action(async (keyName: string, file: string, options: ProviderOption, command: Command) => {
      const { ring, name } = await open(command, options.provider, keyName)
      const key = await getKey(ring, name)
      const { encodeCngBlob } = await loadKeys()
      await writeNew(file, encodeCngBlob(key, 'fullPrivate'))
      process.stdout.write(
        `wrote ${file}: it is not encrypted. Delete it as soon as it is imported.\n`,
      )
    })
}

function addLooking(keyring: Command): void {
  keyring
    .command('list')
    .description('show names, lengths and fingerprints')
    .action(async (_options: unknown, command: Command) => {
      const { ring } = await open(command)
      const names = await ring.list()
      for (const name of names)
        process.stdout.write(`${describe(name, await getKey(ring, name))}\n`)
      if (names.length === 0)
        process.stdout.write('The key ring is empty; certconnector keyring add makes a key.\n')
    })

  keyring
    .command('test')
    .description('encrypt and decrypt a random value with each padding, for one key or all')
    .argument('[key-name]', 'keyName of the records; default: every key')
    .addOption(providerOption())
    .addOption(new Option('--padding <name>', 'only this one').choices(paddings))
    .option(
      '--ciphertext-file <file>',
      'decrypt this encryptedPfxPassword (base64) of a record and tell its length only',
    )
    .action(async (keyName: string | undefined, options: TestOptions, command: Command) => {
      const { ring, name } = await open(command, options.provider, keyName)
      const ciphertext =
        options.ciphertextFile === undefined
          ? undefined
          : await readFile(options.ciphertextFile, 'utf8')
      const names = keyName === undefined ? await ring.list() : [name]
      if (names.length === 0) throw new ConnectorError('key/unknown', 'the key ring is empty')
      if (ciphertext !== undefined && keyName === undefined)
        throw new ConnectorError('config/invalid', '--ciphertext-file needs a key name')
      for (const one of names) {
        const key = await getKey(ring, one)
        process.stdout.write(`${describe(one, key)}\n`)
        for (const line of await testKey(key, options.padding, ciphertext))
          process.stdout.write(`  ${line}\n`)
      }
    })
}

function providerOption(): Option {
  return new Option(
    '--provider <name>',
    'providerName of the records; default Microsoft Software Key Storage Provider',
  )
}

/** Loaded when they are needed, so that help and the other commands answer at once. */
async function loadKeys() {
  return await import('../keys/index.ts')
}

async function open(
  command: Command,
  provider?: string,
  keyName = 'unnamed',
): Promise<{ ring: KeyRing; name: KeyName }> {
  const { configuration } = findConfiguration(command)
  const { DEFAULT_PROVIDER, parseKeyName } = await loadKeys()
  const name = parseKeyName(provider ?? DEFAULT_PROVIDER, keyName)
  return { ring: await openConfiguredKeyRing(configuration), name }
}

async function getKey(ring: KeyRing, name: KeyName): Promise<KeyObject> {
  const key = await ring.find(name)
  if (key !== undefined) return key
  throw new ConnectorError(
    'key/unknown',
    `the key ring has no key '${name.key}' of provider '${name.provider}'; certconnector keyring list shows what it has`,
  )
}

async function makeKey(modulusLength: number): Promise<KeyObject> {
  return (await promisify(generateKeyPair)('rsa', { modulusLength })).privateKey
}

async function readKey(options: AddOptions): Promise<KeyObject> {
  const { importPrivateKey, loadPrivateFile } = await loadKeys()
  const file = options.from ?? ''
  const bytes = await loadPrivateFile(file)
  const isEncrypted = options.encrypted === true || options.fromPassphraseFile !== undefined
  const passphrase = isEncrypted
    ? await loadSecretInput(
        options.fromPassphraseFile,
        `Passphrase of ${file}`,
        '--from-passphrase-file',
      )
    : undefined
  return importPrivateKey(bytes, passphrase, file)
}

async function writeNew(file: string, bytes: Uint8Array): Promise<void> {
  const { createPrivateFile } = await loadKeys()
  if (await createPrivateFile(file, bytes)) return
  throw new ConnectorError('key/conflict', `${file} exists; nothing was changed`)
}

/** Names, length, and the SHA-256 of the SubjectPublicKeyInfo, by which two people know that they mean the same key. */
function describe({ provider, key: keyName }: KeyName, key: KeyObject): string {
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' })
  const bits = key.asymmetricKeyDetails?.modulusLength
  return `${keyName}  (${provider})  RSA ${bits}  SHA-256 ${hash('sha256', spki, 'hex')}`
}

function parseBits(text: string): number {
  if (!['2048', '3072', '4096'].includes(text))
    throw new InvalidArgumentError('expected 2048, 3072 or 4096')
  return Number(text)
}
