import { hash, randomBytes } from 'node:crypto'
import type { CaBackend, EnrolOrder, EnrolResult } from '../../src/ca/index.ts'
import { createAuthority, issueCertificate, prepareIssuer } from '../../src/ca/index.ts'
import type { PkcsTemplate } from '../../src/connector/pkcs/pkcs-policy.ts'
import type { PayloadRecipient, PkcsRequest } from '../../src/management/index.ts'
import type { Certificate } from '../../src/pki/index.ts'
import { parseCertificate } from '../../src/pki/index.ts'

export const DEVICE_ID = 'aaaaaaaa-0000-4000-8000-000000000001'

/** What the sample request may be asked under. */
export const sampleTemplate: PkcsTemplate = {
  certificationAuthority: 'ca1.corp.example',
  certificationAuthorityName: 'Corp Issuing CA',
  certificateTemplateName: 'IntuneUser',
  ca: 'default',
  maxValidityDays: 398,
  backdateMinutes: 10,
  subject: ['CN=*', 'E=*@corp.example', 'O=Corp'],
  subjectAltNames: ['userPrincipalName=*@corp.example', 'otherName=*'],
  ekus: ['1.3.6.1.5.5.7.3.2', '1.3.6.1.5.5.7.3.4'],
  keyUsages: ['digitalSignature', 'keyEncipherment'],
  sid: true,
}

/** A request that the template allows. */
export function sampleRequest(change: Partial<PkcsRequest> = {}): PkcsRequest {
  return {
    requestId: '1d0e1c9a-3c7a-4f6e-8d3b-1a5f0b1c2d3e',
    tenantId: undefined,
    deviceId: DEVICE_ID,
    userId: undefined,
    profileId: 'cccccccc-0000-4000-8000-000000000003',
    platform: 'windows10AndLater',
    userPrincipalName: 'alice@corp.example',
    certificateType: 'user',
    requestType: 'new',
    renewsThumbprintHex: undefined,
    certificationAuthority: 'CA1.corp.example',
    certificationAuthorityName: 'Corp Issuing CA',
    certificateTemplateName: 'IntuneUser',
    caProvider: 'auto',
    subjectName: 'CN=alice,E=alice@corp.example,O=Corp',
    subjectAlternativeNames: [{ sanType: 'userPrincipalName', name: 'alice@corp.example' }],
    onPremisesSecurityIdentifier: 'S-1-5-21-1111111111-2222222222-3333333333-1001',
    keyAlgorithm: 'ec',
    keySize: 256,
    hashAlgorithm: 'sha256',
    keyUsage: ['digitalSignature'],
    extendedKeyUsages: ['1.3.6.1.5.5.7.3.2'],
    validity: { value: 1, scale: 'years' },
    payload: { protection: 'passwordCms', pfxEncryption: 'aes256', includeChain: true },
    recipients: [],
    escrowRecipients: [],
    resumeCaRequestId: undefined,
    ...change,
  }
}

/** As a service names one. */
export function recipientOf(certificateDer: Uint8Array): PayloadRecipient {
  return {
    certificateDer,
    chain: [],
    thumbprintHex: hash('sha1', certificateDer, 'hex'),
    keyWrap: undefined,
    contentEncryption: undefined,
  }
}

/** A CA that signs really, one certificate a serial number, and counts what it signs. */
export async function createSigningCa(kind = 'embedded', id = 'default') {
  const authority = await createAuthority({
    names: { name: 'Issuing' },
    rootKey: 'p256',
    issuingKey: 'p256',
    now: new Date(),
    random: randomBytes,
  })
  const chain = [authority.issuing.certificateDer, authority.root.certificateDer]
  const issuer = prepareIssuer({
    caId: id,
    certificateDer: authority.issuing.certificateDer,
    keyPkcs8Der: new Uint8Array(authority.issuing.key.export({ type: 'pkcs8', format: 'der' })),
    caIssuersUrl: undefined,
    crlUrl: undefined,
    allowsSidExtension: true,
  })
  const signed = new Map<string, Uint8Array>()
  const revoked: string[] = []
  /** Called before the CA answers; throws what the CA shall throw. */
  const hooks: {
    before?: () => void
    beforeRevocation?: () => void
    after?: () => void
    find?: () => void
    alter?: (order: EnrolOrder) => EnrolOrder
    /** While it is set, requests wait; `poll` tells when it is not any more. */
    waits?: { readonly pollAfterMs: number }
  } = {}
  /** Requests that wait, or waited, by the number that they have here. */
  const waiting = new Map<string, EnrolOrder>()
  const polled: string[] = []
  const ca = {
    id,
    kind,
    capabilities: { revoke: true, maxParallel: 4 },
    async enrol(order: EnrolOrder): Promise<EnrolResult> {
      hooks.before?.()
      if (hooks.waits !== undefined) {
        const backendRef = String(48_213 + waiting.size)
        waiting.set(backendRef, order)
        return { status: 'pending', backendRef, pollAfterMs: hooks.waits.pollAfterMs }
      }
      const altered = hooks.alter?.(order) ?? order
      const { serialHex } = altered.certificate
      const certificateDer = signed.get(serialHex) ?? issueCertificate(altered.certificate, issuer)
      signed.set(serialHex, certificateDer)
      hooks.after?.()
      return { status: 'issued', certificateDer }
    },
    async find({ certificate }: EnrolOrder): Promise<EnrolResult | undefined> {
      hooks.find?.()
      const certificateDer = signed.get(certificate.serialHex)
      return certificateDer === undefined ? undefined : { status: 'issued', certificateDer }
    },
    async poll(backendRef: string): Promise<EnrolResult> {
      polled.push(backendRef)
      const order = waiting.get(backendRef)
      if (order === undefined) return { status: 'denied', code: '0x80094004', message: 'unknown' }
      if (hooks.waits !== undefined)
        return { status: 'pending', backendRef, pollAfterMs: hooks.waits.pollAfterMs }
      return { ...(await ca.enrol(order, AbortSignal.timeout(1000))), backendRef }
    },
    async revoke({ serialHex }: { serialHex: string }) {
      hooks.beforeRevocation?.()
      revoked.push(serialHex)
      return { status: 'revoked', at: new Date() }
    },
    chain: async () => chain,
  } as unknown as CaBackend
  return {
    ca,
    chain,
    signed,
    revoked,
    waiting,
    polled,
    hooks,
    issuerCertificate: parseIssuer(chain[0]),
  }
}

function parseIssuer(der: Uint8Array | undefined): Certificate {
  return parseCertificate(der ?? new Uint8Array())
}
