import { nameUsage } from './schema/certificate-rules.ts'
import type { Configuration } from './schema/configuration.ts'

type Profile = Configuration['profiles'][number]
type Rules = Profile['certificate']

/** One sentence or two about a profile, for people. */
export interface Statement {
  /** For programs that look for one: stays the same when the wording changes. */
  readonly topic:
    | 'address'
    | 'challenge'
    | 'messages'
    | 'keys'
    | 'names'
    | 'sid'
    | 'usages'
    | 'lifetime'
    | 'template'
    | 'renewal'
    | 'waiting'
    | 'queries'
    | 'notification'
    | 'reply'
  readonly text: string
}

/** What a profile accepts, refuses and answers, in plain sentences. Holds no secret. */
export function explainProfile(profile: Profile, configuration: Configuration): Statement[] {
  const { certificate } = profile
  return [
    { topic: 'address', text: explainAddress(profile, configuration) },
    { topic: 'challenge', text: explainChallenge(profile) },
    { topic: 'messages', text: explainMessages(profile) },
    { topic: 'keys', text: explainKeys(certificate) },
    { topic: 'names', text: explainNames(certificate) },
    { topic: 'sid', text: explainSid(certificate) },
    { topic: 'usages', text: explainUsages(certificate) },
    { topic: 'lifetime', text: explainLifetime(certificate) },
    ...profile.templates.map(
      (template): Statement => ({ topic: 'template', text: explainTemplate(template) }),
    ),
    { topic: 'renewal', text: explainRenewal(profile) },
    { topic: 'waiting', text: explainWaiting(profile) },
    { topic: 'queries', text: explainQueries(profile) },
    { topic: 'notification', text: explainNotification(profile) },
    { topic: 'reply', text: explainReply(profile) },
  ]
}

function explainAddress({ name, ndes }: Profile, { listeners }: Configuration): string {
  const { publicUrl } = listeners.device
  const own = `${publicUrl}/scep/${name}`
  return sentences(
    name === 'default'
      ? `Devices reach it at ${own} and, as they would NDES, at ${publicUrl}/certsrv/mscep/mscep.dll`
      : `Devices reach it at ${own}`,
    ndes.adminPage &&
      `Users with a password get challenges at ${name === 'default' ? `${publicUrl}/certsrv` : own}/mscep_admin/`,
  )
}

function explainChallenge({ challenge, manualApproval, approvalDays }: Profile): string {
  const otherwise = manualApproval
    ? `A request without an accepted challenge waits up to ${count(approvalDays, 'day')} for certconnector approve or deny.`
    : 'A request without an accepted challenge is refused.'
  switch (challenge.kind) {
    case 'intune':
      return `Microsoft Intune judges each challenge together with the request. ${otherwise}`
    case 'static':
      return `All devices send the same challenge, and nothing but its possession is checked; messages may be encrypted by it as well. ${otherwise}`
    case 'one-time':
      return `The connector makes challenges of ${challenge.length} hexadecimal digits, each good for one request within ${count(challenge.validityMinutes, 'minute')}. ${otherwise}`
  }
}

function explainMessages({ scep }: Profile): string {
  const digests = ['SHA-1', 'SHA-2', ...(scep.allowMd5 ? ['MD5'] : [])]
  const ciphers = ['AES', '3DES', ...(scep.allowDes ? ['DES'] : [])]
  const refused = [...(scep.allowMd5 ? [] : ['MD5']), ...(scep.allowDes ? [] : ['DES'])]
  return sentences(
    `Messages may be signed with ${list(digests, 'or')} and encrypted with ${list(ciphers, 'or')}`,
    refused.length > 0 && `${list(refused, 'and')} ${refused.length > 1 ? 'are' : 'is'} refused`,
    scep.requireSameKey && 'The key of the request must be the one that signs the message',
    scep.maxSigningTimeSkewSeconds !== undefined &&
      `A signing time more than ${count(scep.maxSigningTimeSkewSeconds, 'second')} off is refused`,
  )
}

function explainKeys({ keyTypes, minRsaBits }: Rules): string {
  const kinds = keyTypes.map((kind) => {
    switch (kind) {
      case 'rsa':
        return `RSA of ${minRsaBits} to 8192 bits`
      case 'ec':
        return 'EC on P-256, P-384 or P-521'
      case 'ed25519':
        return 'Ed25519'
    }
  })
  const isOther = keyTypes.some((kind) => kind !== 'rsa')
  return sentences(
    `Keys may be ${list(kinds, 'or')}`,
    isOther &&
      'A request for a key that is not RSA must itself be signed with an RSA key, to which the reply is encrypted',
    'Keys that are known to be weak or compromised are refused',
  )
}

function explainNames({ allowEmptySubject, sanKinds }: Rules): string {
  return sentences(
    allowEmptySubject
      ? 'The subject may be empty where there is an alternative name'
      : 'A request without a subject is refused',
    sanKinds.length === 0
      ? 'A request with alternative names is refused'
      : `Alternative names may be of the kinds ${list(sanKinds, 'and')}; a request with any other is refused`,
  )
}

function explainSid({ sid, requireSid }: Rules): string {
  switch (sid) {
    case 'strip':
      return 'A security identifier (SID) in a request is left out.'
    case 'pass-uri':
      return 'A security identifier (SID) is issued only as the URI that Intune puts among the alternative names.'
    case 'reject':
      return 'A request with a security identifier (SID) is refused.'
    case 'verified':
      return sentences(
        'The security identifier (SID) of the user or device is looked up in Entra ID and written into the certificate; a request that says otherwise is refused',
        requireSid
          ? 'Without a SID there is no certificate'
          : 'Without a SID in the directory the certificate has none',
      )
  }
}

function explainUsages(rules: Rules): string {
  const { allowedEkus, defaultEkus, allowedKeyUsages, defaultKeyUsages } = rules
  return sentences(
    explainUsage('Extended key usages', allowedEkus.map(nameUsage), defaultEkus.map(nameUsage)),
    explainUsage('Key usages', allowedKeyUsages, defaultKeyUsages),
    'What else is asked for is left out; a request that asks for nothing else is refused',
  )
}

function explainUsage(
  what: string,
  allowed: readonly string[],
  byDefault: readonly string[],
): string {
  const without = byDefault.length === 0 ? 'none' : list(byDefault, 'and')
  return allowed.length === 0
    ? `${what} are not issued`
    : `${what} may be ${list(allowed, 'and')}; a request that names none gets ${without}`
}

function explainLifetime({ validityDays, backdateMinutes }: Rules): string {
  const begin =
    backdateMinutes === 0
      ? 'They begin at once'
      : `They begin ${count(backdateMinutes, 'minute')} in the past`
  return `Certificates last ${count(validityDays, 'day')}, or less where the request or the end of the CA says so. ${begin}.`
}

function explainTemplate({
  names,
  purpose,
  urlParams,
  certificate,
}: Profile['templates'][number]): string {
  const conditions = [
    ...(names.length === 0 ? [] : [`name ${list(names, 'or')}`]),
    ...(purpose === undefined ? [] : [`are for ${purposes[purpose]}`]),
    ...Object.entries(urlParams).map(([name, value]) => `have ${name}=${value} in their URL`),
  ]
  const whose =
    conditions.length === 0 ? 'All other requests' : `Requests that ${list(conditions, 'and')}`
  return [
    `${whose} follow rules of their own.`,
    explainKeys(certificate),
    explainNames(certificate),
    explainSid(certificate),
    explainUsages(certificate),
    explainLifetime(certificate),
  ].join(' ')
}

const purposes = {
  signature: 'signing alone',
  encryption: 'encryption alone',
  general: 'both signing and encryption, or do not say',
} as const

function explainRenewal(profile: Profile): string {
  const { renewalGraceDays, allowCertificateOnlyRenewal, renewalWindowDays } = profile
  const grace =
    renewalGraceDays === 0 ? '' : `, or that ended at most ${count(renewalGraceDays, 'day')} ago`
  return sentences(
    `A renewal is signed by a certificate of this CA that is in force${grace}`,
    allowCertificateOnlyRenewal
      ? `It needs no challenge in the last ${count(renewalWindowDays, 'day')} of that certificate, where this profile issued it, for the same subject and alternative names`
      : 'It needs a challenge like any other request',
  )
}

function explainWaiting(profile: Profile): string {
  const { syncTimeoutSeconds, outageReply, outagePendingMinutes, maxPendingRequests } = profile
  return sentences(
    `What takes longer than ${count(syncTimeoutSeconds, 'second')} is answered with PENDING, and the device asks again`,
    outageReply === 'pending'
      ? `So is an outage of Intune or the CA, for up to ${count(outagePendingMinutes, 'minute')}`
      : 'During an outage of Intune or the CA requests fail at once',
    `At most ${count(maxPendingRequests, 'request')} may wait`,
  )
}

function explainQueries({ queries }: Profile): string {
  return sentences(
    queries.getCrl ? 'GetCRL is answered' : 'GetCRL is refused',
    queries.openCertQueries
      ? 'GetCert is answered to anybody who knows issuer and serial number'
      : 'GetCert is answered to the holder of the key alone',
  )
}

function explainNotification({ challenge, notifyMode }: Profile): string {
  if (challenge.kind !== 'intune') return 'Nobody is told of its certificates.'
  return notifyMode === 'strict'
    ? 'Intune is told of each certificate before the device gets it; without its yes the certificate is revoked.'
    : 'Intune is told of each certificate as soon as it listens; the device does not wait for that.'
}

const replies = {
  none: 'alone',
  issuer: 'and that of its issuer',
  chain: 'and its chain without the root',
  full: 'and the whole chain',
} as const

function explainReply({ ca, scep, replayWindowHours }: Profile): string {
  return sentences(
    `CA ${ca} signs`,
    `A success carries the certificate ${replies[scep.replyChain]}`,
    `The same request gets the same certificate for ${count(replayWindowHours, 'hour')}`,
  )
}

function count(number: number, unit: string): string {
  return `${number} ${unit}${number === 1 ? '' : 's'}`
}

function list(words: readonly string[], last: 'and' | 'or'): string {
  return words.length < 2
    ? words.join('')
    : `${words.slice(0, -1).join(', ')} ${last} ${words.at(-1) ?? ''}`
}

function sentences(...parts: readonly (string | false)[]): string {
  return parts
    .filter((part) => part !== false)
    .map((part) => `${part}.`)
    .join(' ')
}
