import {
  type CertificateSigner,
  createAuthority,
  createEmbeddedCa,
  type IssuerMaterial,
} from '../../src/ca/index.ts'
import { ConnectorError, toHex } from '../../src/kernel/index.ts'
import { createMemoryStore } from '../support/memory-store.ts'
import {
  createCertificateOrder,
  createDirectSigner,
  createSpki,
  daysAfter,
  FOLDER_OPTIONS,
  getQuickAuthority,
  materialOf,
  NOW,
} from '../unit/ca/ca-fixtures.ts'
import { type CaBackendHarness, createRequestKey, testCaBackend } from './ca-backend.suite.ts'

const caId = 'main'
const holder = 'instance-1'

/** A signer that a test can stop or break, as a pool of workers may be stopped or broken. */
function createFragileSigner(material: IssuerMaterial) {
  const direct = createDirectSigner(material)
  let gate: Promise<void> = Promise.resolve()
  let isCut = false
  const pass = async () => {
    if (isCut) throw new ConnectorError('worker/died', 'no worker', { isTransient: true })
    await gate
  }
  const signer: CertificateSigner = {
    async issueCertificate(id, order) {
      await pass()
      return direct.issueCertificate(id, order)
    },
    async sign(id, data) {
      await pass()
      return direct.sign(id, data)
    },
  }
  return {
    signer,
    hold(): () => void {
      const { promise, resolve } = Promise.withResolvers<void>()
      gate = promise
      return resolve
    },
    cut(): () => void {
      isCut = true
      return () => {
        isCut = false
      }
    },
  }
}

async function createHarness(
  authority: Awaited<ReturnType<typeof getQuickAuthority>>,
): Promise<CaBackendHarness> {
  const store = createMemoryStore()
  const fragile = createFragileSigner(materialOf(authority, { caId }))
  const create = () =>
    createEmbeddedCa({
      id: caId,
      chain: [authority.issuing.certificateDer, authority.root.certificateDer],
      signer: fragile.signer,
      certificates: store.certificates,
      crls: store.crls,
      clock: { now: () => NOW },
      raCertificates: () => [authority.ras[0].certificateDer],
    })
  const [backend, another] = [create(), create()]
  return {
    backend,
    another,
    now: NOW,
    createOrder: () => ({
      requestKey: createRequestKey(),
      csrDer: new Uint8Array(),
      certificate: createCertificateOrder({ spkiDer: createSpki() }),
      parameters: {},
      attempt: 1,
    }),
    async keep(order, certificateDer) {
      const intent = {
        requestKey: order.requestKey,
        caId,
        profile: 'default',
        transactionId: order.requestKey,
        subject: 'CN=device-1',
        order: order.certificate,
        reservedAt: NOW,
      }
      await store.certificates.reserve(intent, holder, daysAfter(1), daysAfter(-1))
      const issued = {
        serialHex: order.certificate.serialHex,
        certificateDer,
        thumbprintHex: toHex(certificateDer.slice(-20)),
        notAfter: order.certificate.notAfter,
        issuedAt: NOW,
      }
      await store.certificates.complete(intent, issued, undefined)
    },
    holdAnswers: () => fragile.hold(),
    cutOff: () => fragile.cut(),
    async close() {
      await backend.close()
      await another.close()
    },
  }
}

// ECDSA never signs twice alike, so that only memory and register can give the same certificate again.
testCaBackend('embedded, P-256', async () => createHarness(await getQuickAuthority()))

const rsa = createAuthority({ ...FOLDER_OPTIONS, issuingKey: 'rsa2048' })
testCaBackend('embedded, RSA', async () => createHarness(await rsa))
