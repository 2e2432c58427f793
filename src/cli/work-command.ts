import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import { readEvents } from '../events/index.ts'
import { ConnectorError } from '../kernel/index.ts'
import { printEvents, printStep } from './shown-steps.ts'
import {
  createSimulatedQueue,
  type DeviceOfSimulator,
  type SimulatedItem,
  type SimulatedQueue,
  type SimulatedResult,
} from './simulated-queue.ts'
import { writeNew } from './write-new.ts'

const CONTROL_URL = 'http://127.0.0.1:8090'

/** Longer than a connector waits between two looks at an empty queue. */
const RESULT_MS = 60_000

interface WorkOptions {
  readonly control: string
  readonly out?: string
}

/** `certconnector work`: queues an item at the simulator and does what the device does with the result. */
export function addWorkCommand(program: Command): void {
  const work = program
    .command('work')
    .description(
      'queue work at the simulated connector service, as its administrator would, and open the result like the device',
    )

  work
    .command('pkcs')
    .description('a certificate with its key for a new device')
    .option('--user <name>', 'whose certificate it is', 'alice')
    .option('--control <url>', 'control listener of the simulator', CONTROL_URL)
    .option(
      '--out <prefix>',
      'write <prefix>.pfx, <prefix>.cms (its password, sealed), <prefix>-device.pem and <prefix>-device.key',
    )
    .action(async ({ user, ...options }: WorkOptions & { user: string }, command: Command) => {
      const simulated = createSimulatedQueue(options.control)
      // The copy is for the connectors that are there when the request is queued.
      if (!(await simulated.waitForConnector(RESULT_MS))) throw nobodyWorks()
      const device = await simulated.issueKey()
      // With a copy for connectors, so that it can be sealed again.
      const order = { user, deviceId: device.deviceId, escrow: true }
      const queued = await simulated.queue('pkcs', order)
      printStep({
        title: 'Queued a request at the simulated service',
        facts: [
          ['user', `${user}@corp.example`],
          ['device', device.deviceId],
          ['device key', device.thumbprint],
        ],
      })
      await finish(simulated, 'pkcs', queued, device, options, command)
    })

  work
    .command('recrypt')
    .description(
      'the certificate that `work pkcs` brought last, sealed again for a new key of its device',
    )
    .option('--control <url>', 'control listener of the simulator', CONTROL_URL)
    .option('--out <prefix>', 'as of `work pkcs`')
    .action(async (options: WorkOptions, command: Command) => {
      const simulated = createSimulatedQueue(options.control)
      const before = findIssued(await simulated.list('pkcs'))
      const device = await simulated.issueKey(before.item.deviceId)
      const old = await simulated.open(device.deviceId, before.password)
      printStep({
        title: 'The device has a new key',
        facts: [
          ['device', device.deviceId],
          ['device key', device.thumbprint],
          ['certificate', before.thumbprint],
          ['old payload', old === undefined ? 'does not open any more' : 'still opens'],
        ],
      })
      const queued = await simulated.queue('pkcsRecrypt', {
        deviceId: device.deviceId,
        thumbprint: before.thumbprint,
        escrowCms: before.escrowCms,
        escrow: true,
      })
      await finish(simulated, 'pkcsRecrypt', queued, device, options, command)
    })
}

/** Waits for the result, opens it, and shows what the connector recorded. */
async function finish(
  simulated: SimulatedQueue,
  kind: 'pkcs' | 'pkcsRecrypt',
  { requestContext }: SimulatedItem,
  device: DeviceOfSimulator,
  { out }: WorkOptions,
  command: Command,
): Promise<void> {
  const result = await simulated.waitForResult(kind, requestContext, RESULT_MS)
  if (result === undefined) throw nobodyWorks()
  printStep({ title: 'The service has the result', facts: describeResult(result) })
  const { payload } = result
  if (payload !== undefined) {
    const password = await simulated.open(device.deviceId, payload.encryptedPfxPassword)
    if (password === undefined)
      throw new ConnectorError('pfx/unreadable', 'the device cannot open the password')
    printStep({
      title: 'The device opens the password with its key',
      facts: [['password', `${password.length} characters; not shown`]],
    })
    const pfx = Buffer.from(payload.encryptedPfxBlob, 'base64')
    // Loaded here, so that the other commands answer at once.
    const { inspectPfx } = await import('./installed-pfx.ts')
    printStep(await inspectPfx(pfx, password))
    if (out !== undefined) await write(out, pfx, payload.encryptedPfxPassword, device)
  }
  await showEvents(requestContext, command)
  if (!result.succeeded)
    throw new ConnectorError('import/refused', `the connector refused it: ${result.errorCode}`)
}

function nobodyWorks(): ConnectorError {
  return new ConnectorError(
    'management/unavailable',
    'no result within a minute: is a connector with features.pkcs enrolled at this service?',
  )
}

function describeResult(result: SimulatedResult): readonly (readonly [string, string])[] {
  if (!result.succeeded)
    return [
      ['error', result.errorCode],
      ['message', result.errorMessage ?? ''],
    ]
  const { serialNumber, issuerName, thumbprint, payload, escrowPayload } = result
  const copy: readonly [string, string] = [
    'copy for connectors',
    escrowPayload ? 'yes: work recrypt seals it again' : 'no',
  ]
  return [
    ...(serialNumber === undefined ? [] : [['serial number', serialNumber] as const]),
    ...(issuerName === undefined ? [] : [['issuer', issuerName] as const]),
    ['thumbprint', thumbprint ?? ''],
    ['sealed for', payload?.deviceKeyThumbprint ?? 'no device'],
    copy,
  ]
}

/** The youngest certificate that can be sealed again. */
function findIssued(items: readonly SimulatedItem[]) {
  for (const item of items.toReversed()) {
    const { thumbprint, payload, escrowPayload } = item.results.at(-1)?.result ?? {}
    if (thumbprint !== undefined && payload !== undefined && escrowPayload)
      return {
        item,
        thumbprint,
        password: payload.encryptedPfxPassword,
        escrowCms: escrowPayload.cms,
      }
  }
  throw new ConnectorError(
    'config/invalid',
    'the simulator has no certificate with a copy for connectors yet: certconnector work pkcs makes one',
  )
}

async function write(
  prefix: string,
  pfx: Uint8Array,
  passwordCms: string,
  { certificatePem, privateKeyPem }: DeviceOfSimulator,
): Promise<void> {
  await writeNew(`${prefix}.pfx`, pfx, 0o600)
  await writeNew(`${prefix}.cms`, Buffer.from(passwordCms, 'base64'), 0o600)
  await writeNew(`${prefix}-device.pem`, certificatePem, 0o644)
  await writeNew(`${prefix}-device.key`, privateKeyPem, 0o600)
  process.stdout.write(
    `\nWritten. With openssl alone:\n` +
      `  openssl cms -decrypt -inform DER -in ${prefix}.cms -recip ${prefix}-device.pem -inkey ${prefix}-device.key -out ${prefix}.password\n` +
      `  openssl pkcs12 -in ${prefix}.pfx -passin file:${prefix}.password -nokeys\n`,
  )
}

/** By the hash of the context, which all events of the item carry. */
async function showEvents(requestContext: string, command: Command): Promise<void> {
  const { dataDir = 'data' } = command.optsWithGlobals<{ dataDir?: string }>()
  const directory = join(resolve(dataDir), 'logs')
  if (!existsSync(directory)) return
  const hash = createHash('sha256').update(requestContext).digest('hex').slice(0, 16)
  const found = await readEvents(directory, { limit: 10_000 })
  const transactionId = found.findLast(
    ({ requestContextHash }) => requestContextHash === hash,
  )?.transactionId
  if (transactionId !== undefined) await printEvents(directory, transactionId)
}
