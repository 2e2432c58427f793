import { execFile } from 'node:child_process'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { QueueService } from './queue-service.ts'

/** What a device got for an item, and the certificate that it is to find in it. */
export interface DeliveredPayload {
  readonly index: number
  readonly deviceId: string
  readonly certificateBase64: string
  readonly payload: { readonly encryptedPfxBlob: string; readonly encryptedPfxPassword: string }
}

/** Files that `openssl` opens side by side. */
const PARALLEL = 2

/** Opens every payload as its device does, with `openssl`, in a new folder: violations. */
export async function checkPayloads(
  delivered: readonly DeliveredPayload[],
  cwd: string,
  service: QueueService,
): Promise<readonly string[]> {
  mkdirSync(cwd)
  const left = [...delivered]
  const violations: string[] = []
  await Promise.all(
    Array.from({ length: PARALLEL }, async () => {
      for (let one = left.pop(); one !== undefined; one = left.pop()) {
        const problem = await open(one, cwd, service).then(
          () => undefined,
          (error: unknown) => String(error),
        )
        if (problem !== undefined)
          violations.push(`item ${one.index}: its device cannot use it: ${problem}`)
      }
    }),
  )
  return violations
}

async function open(
  { index, deviceId, certificateBase64, payload }: DeliveredPayload,
  cwd: string,
  service: QueueService,
): Promise<void> {
  const password = await service.openAsDevice(deviceId, payload.encryptedPfxPassword)
  writeFileSync(join(cwd, `${index}.pfx`), Buffer.from(payload.encryptedPfxBlob, 'base64'))
  writeFileSync(join(cwd, `${index}.password`), password)
  const words = ['pkcs12', '-in', `${index}.pfx`, '-nodes', '-passin', `file:${index}.password`]
  const pem = await openssl(cwd, words)
  const key = /-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----/.exec(pem)?.[0] ?? ''
  const leaf = new X509Certificate(pem.slice(pem.indexOf('-----BEGIN CERTIFICATE-----')))
  if (leaf.raw.toString('base64') !== certificateBase64)
    throw new Error('the PFX holds another certificate')
  if (!leaf.checkPrivateKey(createPrivateKey(key))) throw new Error('the PFX holds another key')
}

/** Both outputs together, whatever the exit code: what it says is judged. */
export async function openssl(cwd: string, words: readonly string[]): Promise<string> {
  return await new Promise((resolve) => {
    execFile('openssl', [...words], { cwd, maxBuffer: 64 << 20 }, (_error, stdout, stderr) =>
      resolve(stdout + stderr),
    )
  })
}
