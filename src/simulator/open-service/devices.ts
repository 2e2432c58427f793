import { createHash, createPrivateKey, randomUUID, X509Certificate } from 'node:crypto'
import * as pkijs from 'pkijs'
import { bufferOf, type Identity, issueIdentity } from '../x509.ts'

/** A device that payloads are sealed for. */
export interface SimulatedDevice {
  readonly deviceId: string
  readonly certificateBase64: string
  /** Its issuers below the one that a connector must trust. */
  readonly chainBase64: readonly string[]
  /** SHA-1, lower-case hexadecimal. */
  readonly thumbprint: string
  readonly certificatePem: string
  /** For a person with openssl; it protects nothing but the simulator. */
  readonly privateKeyPem: string
}

/** Devices with keys and certificates of a CA of their own, which has a root as those of device managements do. A device may get a new key: the newest counts. */
export class DeviceFleet {
  readonly #root: Identity
  readonly #ca: Identity
  readonly #devices = new Map<string, SimulatedDevice[]>()

  private constructor(root: Identity, ca: Identity) {
    this.#root = root
    this.#ca = ca
  }

  static async issue(now: Date): Promise<DeviceFleet> {
    const order = { purpose: 'certificate-authority', key: 'p-256', now } as const
    const root = await issueIdentity({
      ...order,
      commonName: 'Device root of the simulator',
      pathLength: 1,
    })
    const commonName = 'Device CA of the simulator'
    return new DeviceFleet(root, await issueIdentity({ ...order, commonName, issuer: root }))
  }

  /** What a connector must trust for recipients. */
  get caPem(): string {
    return this.#root.certificatePem
  }

  /** Makes a device, or a new key for one that is there. */
  async issueKey(deviceId: string = randomUUID(), now: Date): Promise<SimulatedDevice> {
    const identity = await issueIdentity({
      commonName: deviceId,
      purpose: 'device',
      key: 'rsa-2048',
      issuer: this.#ca,
      now,
    })
    const { certificatePem, certificateDer, privateKeyPem } = identity
    const device: SimulatedDevice = {
      deviceId,
      chainBase64: [Buffer.from(this.#ca.certificateDer).toString('base64')],
      certificateBase64: Buffer.from(certificateDer).toString('base64'),
      thumbprint: createHash('sha1').update(certificateDer).digest('hex'),
      certificatePem,
      privateKeyPem,
    }
    this.#devices.set(deviceId, [...(this.#devices.get(deviceId) ?? []), device].slice(-10))
    return device
  }

  /** The present key of a device. */
  find(deviceId: string): SimulatedDevice | undefined {
    return this.#devices.get(deviceId)?.at(-1)
  }

  list(): readonly SimulatedDevice[] {
    return [...this.#devices.values()].flatMap((keys) => keys.slice(-1))
  }

  /**
   * Opens CMS EnvelopedData with the present key of a device, as it would itself.
   *
   * @returns undefined when it cannot be opened with that key
   */
  async open(deviceId: string, cmsBase64: string): Promise<Uint8Array | undefined> {
    const device = this.find(deviceId)
    if (!device) return undefined
    try {
      const content = pkijs.ContentInfo.fromBER(Buffer.from(cmsBase64, 'base64'))
      const enveloped = new pkijs.EnvelopedData({ schema: content.content })
      const key = createPrivateKey(device.privateKeyPem).export({ type: 'pkcs8', format: 'der' })
      const certificate = pkijs.Certificate.fromBER(
        new Uint8Array(new X509Certificate(device.certificatePem).raw),
      )
      const opened = await enveloped.decrypt(0, {
        recipientCertificate: certificate,
        recipientPrivateKey: bufferOf(key),
      })
      return new Uint8Array(opened)
    } catch {
      // For another key, or damaged: the device can do nothing with either.
      return undefined
    }
  }
}
