import { extendedKeyUsages } from './schema/certificate-rules.ts'
import type { Configuration } from './schema/configuration.ts'

type Profile = Configuration['profiles'][number]
type Authority = Configuration['ca'][number]

/** Where certain clients stumble over a profile. */
export interface ClientNote {
  readonly clients: string
  /** What happens, and the key that changes it. */
  readonly text: string
}

/** Apple refuses longer TLS server certificates, whoever issued them. */
const APPLE_TLS_DAYS = 825

/** The longest RSA key that an Intune profile offers. */
const INTUNE_RSA_BITS = 4096

/**
 * What Windows, Apple, Android and network devices will not take of a profile. Empty for one that all of them take; not
 * every installation has these clients, so that these are notes and no warnings.
 *
 * @see scep.md, chapter 20 (what each client was seen to do); docs/interop.md
 */
export function findClientNotes(profile: Profile, configuration: Configuration): ClientNote[] {
  const authority = configuration.ca.find(({ id }) => id === profile.ca)
  return [
    ...noteKeys(profile),
    ...noteNames(profile),
    ...noteLifetime(profile),
    ...noteCapabilities(profile),
    ...(authority === undefined ? [] : noteAuthority(profile, authority)),
    ...noteReplies(profile),
    ...noteWaiting(profile),
    ...noteAddress(profile, configuration),
  ]
}

function noteKeys({ challenge, certificate: { keyTypes, minRsaBits } }: Profile): ClientNote[] {
  const isIntune = challenge.kind === 'intune'
  if (!keyTypes.includes('rsa'))
    return [
      {
        clients: 'Windows, Apple, Android',
        text: 'SCEP profiles of Intune make RSA keys on every platform, which this profile refuses: add rsa to keyTypes.',
      },
    ]
  if (minRsaBits > INTUNE_RSA_BITS)
    return [
      {
        clients: 'Windows, Apple, Android',
        text: `They make RSA keys of at most ${INTUNE_RSA_BITS} bits, which this profile refuses: lower minRsaBits.`,
      },
    ]
  if (minRsaBits > 2048 && isIntune)
    return [
      {
        clients: 'Windows, Apple, Android',
        text: `The profile in Intune must ask for keys of ${INTUNE_RSA_BITS} bits: 2048 are refused here (minRsaBits).`,
      },
    ]
  return []
}

function noteNames({ challenge, certificate }: Profile): ClientNote[] {
  const { sanKinds, allowedKeyUsages } = certificate
  const notes: ClientNote[] = []
  if (challenge.kind === 'intune' && !sanKinds.includes('upn'))
    notes.push({
      clients: 'Windows',
      text: 'A profile in Intune whose alternative names hold a user principal name is refused: add upn to sanKinds.',
    })
  if (challenge.kind === 'intune' && !sanKinds.includes('uri'))
    notes.push({
      clients: 'all of Intune',
      text: 'A profile in Intune whose alternative names hold a URI (SID, IntuneDeviceId) is refused: add uri to sanKinds.',
    })
  if (allowedKeyUsages.includes('nonRepudiation'))
    notes.push({
      clients: 'Apple',
      text: 'nonRepudiation is not meant for Apple devices: keep allowedKeyUsages without it where they enrol.',
    })
  return notes
}

function noteLifetime({ certificate }: Profile): ClientNote[] {
  const { allowedEkus, validityDays } = certificate
  if (!allowedEkus.includes(extendedKeyUsages['serverAuth'] ?? '')) return []
  if (validityDays <= APPLE_TLS_DAYS) return []
  return [
    {
      clients: 'Apple',
      text: `TLS server certificates that last longer than ${APPLE_TLS_DAYS} days are not trusted, whoever issued them: lower validityDays.`,
    },
  ]
}

function noteCapabilities({ challenge, capabilities }: Profile): ClientNote[] {
  const has = (word: string) => capabilities.includes(word)
  const notes: ClientNote[] = []
  if (!has('POSTPKIOperation'))
    notes.push({
      clients: 'all',
      text:
        challenge.kind === 'intune'
          ? 'Without POSTPKIOperation devices send by GET, and a request line with a challenge of Intune has about 11,000 characters: proxies in front must let it through.'
          : 'Without POSTPKIOperation devices send by GET, and request lines have some thousand characters: proxies in front must let them through.',
    })
  if (!has('SHA-256') && !has('SHA-512'))
    notes.push({
      clients: 'all',
      text: 'Without SHA-256 and SHA-512 among the capabilities clients sign with SHA-1, and those that do so no more do not enrol.',
    })
  if (!has('AES'))
    notes.push({
      clients: 'all',
      text: 'Without AES among the capabilities clients encrypt with 3DES or weaker.',
    })
  if (!has('Renewal'))
    notes.push({
      clients: 'macOS',
      text: 'Without Renewal among the capabilities it reports that the server does not renew.',
    })
  return notes
}

function noteAuthority(
  { singleCaCert }: Profile,
  { includeRoot, includeIntermediate, issuingKey, rootKey }: Authority,
): ClientNote[] {
  const notes: ClientNote[] = []
  if (!includeRoot || singleCaCert)
    notes.push({
      clients: 'Windows',
      text: `It looks in the answer of GetCACert for the root whose thumbprint its profile names (CAThumbprint), and does not find it: ${singleCaCert ? 'switch singleCaCert off' : 'set includeRoot of the CA'}.`,
    })
  if (!includeIntermediate || singleCaCert)
    notes.push({
      clients: 'Android',
      text: `It checks the RA certificate against its issuer in the answer of GetCACert, and does not find it: ${singleCaCert ? 'switch singleCaCert off' : 'set includeIntermediate of the CA'}.`,
    })
  if ([issuingKey, rootKey].some((key) => key.startsWith('p')))
    notes.push({
      clients: 'scepclient (micromdm)',
      text: 'It encrypts to every certificate of GetCACert and fails at a CA whose key is not RSA (issuingKey, rootKey).',
    })
  return notes
}

function noteReplies({ challenge, scep }: Profile): ClientNote[] {
  const notes: ClientNote[] = []
  if (scep.omitSignerCert)
    notes.push({
      clients: 'clients written in Go',
      text: 'They want the signer certificate in the reply: switch omitSignerCert off.',
    })
  if (scep.replyChain !== 'none')
    notes.push({
      clients: 'Juniper',
      text: 'It refuses replies that hold a CA certificate: set replyChain to none.',
    })
  else if (challenge.kind !== 'intune')
    notes.push({
      clients: 'Cisco VPN client',
      text: 'It wants the CA certificate in the reply: set replyChain to issuer where it enrols.',
    })
  return notes
}

function noteWaiting({ manualApproval }: Profile): ClientNote[] {
  if (!manualApproval) return []
  return [
    {
      clients: 'Windows',
      text: 'It asks three times, every five minutes, unless its profile says otherwise: approve within that time.',
    },
    {
      clients: 'Apple',
      text: 'It asks three times within half a minute, unless its profile says otherwise: hardly time to approve.',
    },
  ]
}

function noteAddress({ challenge }: Profile, { listeners }: Configuration): ClientNote[] {
  if (!listeners.device.publicUrl.startsWith('https:')) return []
  return [
    {
      clients: 'Windows',
      text: 'It does not fetch CRLs over HTTPS, and those of its certificates are at publicUrl: see docs/operations.md, chapter 4.',
    },
    ...(challenge.kind === 'intune'
      ? []
      : [
          {
            clients: 'sscep, old Cisco routers',
            text: 'They speak plain HTTP only: serve it too (listeners.device.tls.port), or let a proxy do so.',
          },
        ]),
  ]
}
