import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Configuration } from '../../src/config/index.ts'
import { Secret } from '../../src/kernel/index.ts'
import { type Simulator, startSimulator } from '../../src/simulator/index.ts'

/** An item of a queue as the simulator shows it. */
export interface Queued {
  readonly requestContext: string
  readonly state: string
  readonly attempt: number
  readonly deviceId: string
  readonly passedOver: readonly string[]
  readonly results: readonly {
    readonly outcome: string
    readonly result: Readonly<Record<string, unknown>>
  }[]
}

/** The payload of a result. */
export interface Payload {
  readonly encryptedPfxBlob: string
  readonly encryptedPfxPassword: string
  readonly deviceKeyThumbprint: string
}

/** A device of the simulator. */
export interface Device {
  readonly deviceId: string
  readonly thumbprint: string
  readonly certificateBase64: string
  readonly chainBase64: readonly string[]
  readonly certificatePem: string
  readonly privateKeyPem: string
}

/** A connector service of its own, in a folder of its own. */
export interface ServiceStage {
  readonly service: Simulator
  readonly folder: string
  control<T>(method: string, path: string, body?: object): Promise<T>
  /** Waits until the service counts the item as ended. */
  closed(kind: string, requestContext: string): Promise<Queued>
  device(deviceId?: string): Promise<Device>
  /** Whether `openssl cms -decrypt` opens a message with the key of this device. */
  openCms(device: Device, base64: string): string | undefined
  write(name: string, content: string | Uint8Array): string
  /** A connector of this service, with one feature on. */
  configured(configuration: Configuration): Configuration
  close(): Promise<void>
}

export async function startServiceStage(): Promise<ServiceStage> {
  const folder = mkdtempSync(join(tmpdir(), 'service-'))
  const service = await startSimulator({ dataDir: folder, httpsPort: 0, controlPort: 0 })
  const write = (name: string, content: string | Uint8Array): string => {
    const path = join(folder, name)
    writeFileSync(path, content)
    return path
  }
  async function control<T>(method: string, path: string, body?: object): Promise<T> {
    const answer = await fetch(`${service.controlUrl}/control/${path}`, {
      method,
      ...(body === undefined
        ? {}
        : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`)
    return (text === '' ? undefined : JSON.parse(text)) as T
  }
  write('issuers.pem', service.deviceCaPem)
  return {
    service,
    folder,
    control,
    write,
    async closed(kind, requestContext) {
      for (const until = Date.now() + 30_000; Date.now() < until; ) {
        const { value } = await control<{ value: Queued[] }>('GET', `work/${kind}`)
        const found = value.find((one) => one.requestContext === requestContext)
        if (found !== undefined && /succeeded|failed/i.test(found.state)) return found
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      throw new Error('no result within 30 seconds')
    },
    device: async (deviceId) =>
      await control('POST', 'devices', deviceId === undefined ? {} : { deviceId }),
    openCms(device, base64) {
      write('cms', Buffer.from(base64, 'base64'))
      write('device.crt', device.certificatePem)
      write('device.key', device.privateKeyPem)
      const words = ['cms', '-decrypt', '-inform', 'DER', '-binary', '-in', 'cms']
      try {
        return execFileSync('openssl', [...words, '-recip', 'device.crt', '-inkey', 'device.key'], {
          cwd: folder,
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'ignore'],
        })
      } catch {
        return undefined
      }
    },
    configured(configuration) {
      const { intune: _, ...rest } = configuration
      return {
        ...rest,
        profiles: configuration.profiles.filter(({ challenge }) => challenge.kind === 'static'),
        simulator: { ...configuration.simulator, enabled: false },
        features: { ...configuration.features, revocation: false, pkcs: true },
        pkcs: { ...configuration.pkcs, deviceIssuersFile: join(folder, 'issuers.pem') },
        management: {
          openService: {
            url: service.httpsUrl,
            enrolmentToken: new Secret(service.enrolmentToken),
            caFile: join(folder, 'simulator-ca.pem'),
            timeouts: { connectMs: 2000, readMs: 5000 },
          },
        },
      }
    },
    async close() {
      await service.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
