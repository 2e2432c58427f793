import { type EventFields, events } from '../events/index.ts'
import { type Clock, ConnectorError, describeError, type RandomBytes } from '../kernel/index.ts'
import type { PkcsImportRequest, WorkErrorCode } from '../management/index.ts'
import { hasAttributes, sealContent } from '../pki/index.ts'
import { bindContext } from './pkcs/context-binding.ts'
import { judgeRecipient, type RecipientRules } from './pkcs/device-recipient.ts'
import type { WorkHandler, WorkTask, WorkVerdict } from './work/work-handler.ts'

/** The keys that passwords of imported PFX are encrypted to, wherever they are kept. */
export interface PasswordKeys {
  /**
   * Octets of a password. The caller clears them.
   *
   * @param paddingScheme as the record has it, in lower camel case
   * @returns undefined: no such key here
   * @throws ConnectorError `key/decryption-failed` another key or padding; `key/unsuitable` a padding that is not accepted
   * @throws ConnectorError `key/unreadable` the key is here and cannot be used
   */
  decrypt(
    name: { readonly provider: string; readonly key: string },
    paddingScheme: string,
    encrypted: Uint8Array,
  ): Promise<Uint8Array | undefined>
  /** Whether a key is here and does not open what is encrypted to it. No I/O. */
  isBroken(name: { readonly provider: string; readonly key: string }): boolean
  /** False where no key works that is here. Does not throw. */
  isUsable(): Promise<boolean>
}

/** What the delivery of imported PFX needs. */
export interface PfxImportPorts {
  readonly keys: PasswordKeys
  readonly recipients: RecipientRules
  /**
   * Opens a PFX and tells the SHA-1 of its end-entity certificate, in lower case. Absent: it is not opened.
   *
   * @throws ConnectorError `pfx/unreadable`, `import/refused`
   */
  readonly findThumbprint?: (pfx: Uint8Array, password: string) => Promise<string>
  /** Imports that are worked on at a time. */
  readonly parallel: number
  readonly clock: Clock
  readonly random: RandomBytes
  /** OID of the attribute that ties what is sealed to the item; undefined: it is not. */
  readonly contextBindingOid?: string | undefined
}

type Task = WorkTask<'pkcsImport'>
type Verdict = WorkVerdict<'pkcsImport'>

/**
 * Seals imported PFX for devices: the password, encrypted to a key of ours, is encrypted to the device instead. The PFX
 * itself stays as it is. Repeating does no harm: nothing is kept, nothing is used up.
 *
 * Events 2050, or 2051 and 2052.
 *
 * @see pfx.md, 2.5 and 10.7
 */
export function createPfxImport(ports: PfxImportPorts): WorkHandler<'pkcsImport'> {
  const { keys, clock, random } = ports

  // 1. Receiver: before anything is decrypted, whether the one who is to have it may.
  function judge({ recipients, deviceId }: PkcsImportRequest) {
    const [only] = recipients
    if (only === undefined || recipients.length > 1)
      return { kind: 'refused', reason: `it names ${recipients.length} receivers` } as const
    return judgeRecipient(only, deviceId, ports.recipients, clock.now())
  }

  // 2. Password: with the key that the record names. A key that is not here may be added, or be elsewhere.
  async function decrypt(request: PkcsImportRequest): Promise<Uint8Array> {
    const { providerName: provider, keyName: key, paddingScheme, encryptedPfxPassword } = request
    const password = await keys.decrypt({ provider, key }, paddingScheme, encryptedPfxPassword)
    if (password !== undefined) return password
    throw new ConnectorError(
      'key/unknown',
      `the key ring has no key '${key}' of provider '${provider}'`,
      { isTransient: true },
    )
  }

  // 3. Content: where it is asked for, that the PFX opens and is the one that the record speaks of.
  async function verifyPfx(request: PkcsImportRequest, password: Uint8Array): Promise<void> {
    if (ports.findThumbprint === undefined) return
    const text = Buffer.from(password).toString('latin1')
    const found = await ports.findThumbprint(request.pfx, text)
    if (found === request.thumbprintHex.toLowerCase()) return
    throw new ConnectorError(
      'import/refused',
      `the PFX holds certificate ${found}, the record speaks of ${request.thumbprintHex.slice(0, 40)}`,
    )
  }

  async function carryOut(task: Task): Promise<Verdict> {
    const { request, requestContext } = task
    const startedAt = clock.now()
    const receiver = judge(request)
    if (receiver.kind === 'refused') return fail(task, 'CryptographyError', receiver.reason)
    const { certificate, profile, thumbprintHex: deviceKeyThumbprintHex } = receiver
    const fields: EventFields = { deviceKeyThumbprint: deviceKeyThumbprintHex.toUpperCase() }
    let password: Uint8Array | undefined
    try {
      password = await decrypt(request)
      await verifyPfx(request, password)
      // 4. Seal: the password, and the profiles that carry it on Apple's platforms.
      const { deviceId, thumbprintHex } = request
      const binding = hasAttributes(profile)
        ? bindContext(ports.contextBindingOid, { requestContext, deviceId, thumbprintHex })
        : undefined
      const seal = (content: Uint8Array): Uint8Array =>
        sealContent(content, [certificate], profile, random, binding)
      const value = {
        thumbprintHex: request.thumbprintHex,
        deviceKeyThumbprintHex,
        encryptedPfxPassword: seal(password),
        encryptedAppleProfiles: request.appleProfiles.map(seal),
        encryptedPfxBlob: undefined,
      }
      const durationMs = clock.now().getTime() - startedAt.getTime()
      task.log.record(events.PkcsImportReencryptSuccess, { ...fields, durationMs })
      return { end: { succeeded: true, value }, isPassing: false, fields }
    } catch (error) {
      return failAttempt(task, error, fields)
    } finally {
      // 5. Forget: what was in the clear.
      password?.fill(0)
    }
  }

  return {
    kind: 'pkcsImport',
    events: {
      downloaded: events.PkcsImportDownloadSuccess,
      downloadFailed: events.PkcsImportDownloadFailure,
      received: events.PkcsImportDownloadedRequest,
      uploaded: events.PkcsImportUploadSuccess,
      uploadFailed: events.PkcsImportUploadFailure,
      uploadedEach: events.PkcsImportUploadedRequest,
      succeeded: events.PkcsImportRequestSuccess,
      failed: events.PkcsImportRequestFailure,
    },
    notOurs: 'noKey',
    // With a key that is broken here another connector may serve it.
    isOurs: async ({ providerName: provider, keyName: key }) => !keys.isBroken({ provider, key }),
    mayFetch: async () => await keys.isUsable(),
    laneOf: async () => ({ name: 'imports', parallel: ports.parallel }),
    describe: (request) => ({
      deviceId: request.deviceId,
      userId: request.userId,
      userPrincipalName: request.userPrincipalName,
      profileId: request.profileId,
      platform: request.platform,
      thumbprint: request.thumbprintHex.toUpperCase(),
      notBefore: request.notBefore,
      notAfter: request.notAfter,
      providerName: request.providerName,
      keyName: request.keyName,
      paddingScheme: request.paddingScheme,
      intendedPurpose: request.intendedPurpose,
    }),
    carryOut,
  }
}

/** A failure that trying again does not change. */
function fail(
  { log }: Task,
  errorCode: WorkErrorCode,
  errorMessage: string,
  fields: EventFields = {},
): Verdict {
  const told = { ...fields, errorCode, errorMessage, retryable: false }
  log.record(events.PkcsImportReencryptFailure, told)
  return { end: { succeeded: false, errorCode, errorMessage }, isPassing: false, fields }
}

/** What does not open today does not open tomorrow; a key, a disk or a thread may come back. */
function failAttempt(task: Task, error: unknown, fields: EventFields): Verdict {
  const errorMessage = describeError(error)
  if (!mayPass(error)) return fail(task, 'CryptographyError', errorMessage, fields)
  const errorCode = 'CryptographyError'
  const event = task.isLastAttempt
    ? events.PkcsImportReencryptFailure
    : events.PkcsImportReencryptFailedAttempt
  task.log.record(event, { ...fields, errorCode, errorMessage, retryable: true })
  return { end: { succeeded: false, errorCode, errorMessage }, isPassing: true, fields }
}

function mayPass(error: unknown): boolean {
  return error instanceof ConnectorError && (error.isTransient || error.code === 'key/unreadable')
}
