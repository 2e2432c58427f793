import * as z from 'zod'
import { field, integer } from '../field.ts'

/** Extended key usages that may be written by name. */
export const extendedKeyUsages: Readonly<Record<string, string>> = {
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  codeSigning: '1.3.6.1.5.5.7.3.3',
  emailProtection: '1.3.6.1.5.5.7.3.4',
  ipsecEndSystem: '1.3.6.1.5.5.7.3.5',
  ipsecTunnel: '1.3.6.1.5.5.7.3.6',
  ipsecUser: '1.3.6.1.5.5.7.3.7',
  ipsecIke: '1.3.6.1.5.5.7.3.17',
  ikeIntermediate: '1.3.6.1.5.5.8.2.2',
  smartCardLogon: '1.3.6.1.4.1.311.20.2.2',
  certificateRequestAgent: '1.3.6.1.4.1.311.20.2.1',
  anyExtendedKeyUsage: '2.5.29.37.0',
}

/** The short name of an extended key usage; its OID where it has none. */
export function nameUsage(oid: string): string {
  return Object.entries(extendedKeyUsages).find(([, known]) => known === oid)?.[0] ?? oid
}

/** Bits of keyUsage that may be issued. */
export const keyUsages = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'encipherOnly',
  'decipherOnly',
] as const

const sanKinds = [
  'dns',
  'email',
  'uri',
  'ip',
  'upn',
  'dirName',
  'otherName',
  'registeredId',
] as const

/** An extended key usage, by name or OID. */
export const oid = z
  .string()
  .max(128)
  .refine((given) => Object.hasOwn(extendedKeyUsages, given) || isOid(given), {
    error: `an OID, or one of ${Object.keys(extendedKeyUsages).join(', ')}`,
  })
  .transform((given) => extendedKeyUsages[given] ?? given)

/** Dotted, without names. */
export const objectIdentifier = z.string().max(128).refine(isOid, { error: 'an OID' })

function isOid(given: string): boolean {
  return /^[0-2](\.(0|[1-9]\d{0,9})){1,20}$/.test(given)
}

/** OIDs of named extended key usages. */
export const usages = (...names: readonly (keyof typeof extendedKeyUsages)[]) =>
  names.map((name) => extendedKeyUsages[name] ?? '')

/** What a certificate profile allows: the names and meanings of the connector's `CertificateRules`. */
export const certificateRulesSchema = z.strictObject({
  validityDays: field(integer(1, 3650).default(365), {
    doc: 'Longest lifetime, also the default one; never beyond the CA.',
    example: '365',
  }),
  backdateMinutes: field(integer(0, 1440).default(10), {
    doc: 'How far the start of validity lies in the past, for devices whose clock is slow.',
    example: '10',
  }),
  minRsaBits: field(integer(1024, 8192).default(2048), {
    doc: 'Shortest RSA key. Above 8192 bits is always refused.',
    example: '2048',
  }),
  keyTypes: field(
    z
      .array(z.enum(['rsa', 'ec', 'ed25519']))
      .min(1)
      .default(['rsa', 'ec']),
    {
      doc: 'Kinds of keys that are certified.',
      example: '[rsa, ec]',
    },
  ),
  allowEmptySubject: field(z.boolean().default(false), {
    doc: 'Whether a request without a subject is accepted.',
    example: 'false',
  }),
  allowedEkus: field(
    z
      .array(oid)
      .max(64)
      .default(
        usages(
          'clientAuth',
          'emailProtection',
          'ipsecEndSystem',
          'ipsecTunnel',
          'ipsecUser',
          'ipsecIke',
          'ikeIntermediate',
        ),
      ),
    {
      doc: 'Extended key usages that may be issued when a request asks for them. `serverAuth`, `smartCardLogon`, `certificateRequestAgent` and `anyExtendedKeyUsage` must be named to be allowed.',
      example: '[clientAuth, serverAuth]',
      defaultText:
        '[clientAuth, emailProtection, ipsecEndSystem, ipsecTunnel, ipsecUser, ipsecIke, ikeIntermediate]',
      type: 'list of names or OIDs',
    },
  ),
  defaultEkus: field(z.array(oid).max(64).default(usages('clientAuth')), {
    doc: 'Issued when the request asks for none. Empty: no extension.',
    example: '[clientAuth]',
    defaultText: '[clientAuth]',
    type: 'list of names or OIDs',
  }),
  allowedKeyUsages: field(
    z.array(z.enum(keyUsages)).default(['digitalSignature', 'keyEncipherment']),
    { doc: 'Key usages that may be issued.', example: '[digitalSignature, keyEncipherment]' },
  ),
  defaultKeyUsages: field(
    z.array(z.enum(keyUsages)).default(['digitalSignature', 'keyEncipherment']),
    {
      doc: 'Issued when the request asks for none.',
      example: '[digitalSignature, keyEncipherment]',
    },
  ),
  sanKinds: field(z.array(z.enum(sanKinds)).default(['dns', 'email', 'uri', 'ip', 'upn']), {
    doc: 'Kinds of alternative names that may be issued.',
    example: '[dns, email, uri, ip, upn]',
  }),
  sid: field(z.exactOptional(z.enum(['strip', 'pass-uri', 'verified', 'reject'])), {
    doc: 'Security identifiers in a request. `strip`: never issued. `pass-uri`: only as the URI that Intune writes. `verified`: the connector looks the user or device up in Entra ID and writes the SID extension itself; a request that says otherwise is refused; needs Graph permissions (docs/operations.md). `reject`: such a request is refused.',
    example: 'pass-uri',
    defaultText: '`pass-uri` with an Intune challenge, otherwise `strip`',
  }),
  requireSid: field(z.boolean().default(false), {
    doc: 'With `sid: verified`: users and devices without a SID in the directory (those in the cloud only) get no certificate. Otherwise they get one without the extension.',
    example: 'false',
  }),
})
