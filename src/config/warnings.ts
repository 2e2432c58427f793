import type { Problem } from './problem.ts'
import { extendedKeyUsages } from './schema/certificate-rules.ts'
import { knownCapabilities } from './schema/scep-rules.ts'
import type { Element, Sections } from './sections.ts'

type Profile = Sections['profiles'][number]['value']

/** What is valid but unfit for production, or probably not meant. */
export function findWarnings(sections: Sections): readonly Problem[] {
  return [
    ...checkAddresses(sections),
    ...checkOperation(sections),
    ...sections.profiles.flatMap((profile) => [
      ...checkChallenge(profile),
      ...checkPage(profile, sections),
      ...checkStrength(profile),
      ...checkCapabilities(profile),
    ]),
  ]
}

function checkAddresses({ listeners, profiles }: Sections): Problem[] {
  if (listeners === undefined) return []
  const { device, admin } = listeners
  const warnings: Problem[] = []
  const url = new URL(device.publicUrl)
  if (isLoopback(url.hostname)) {
    warnings.push({
      path: 'listeners.device.publicUrl',
      found: `"${device.publicUrl}"`,
      expected: 'a name that devices can reach: it stands in every issued certificate',
      remedy: 'write the public name before the first certificate is issued',
    })
  }
  const asksIntune = profiles.some(({ value }) => value.challenge.kind === 'intune')
  if (url.protocol === 'http:' && device.tls === undefined && asksIntune) {
    warnings.push({
      path: 'listeners.device.publicUrl',
      found: `"${device.publicUrl}"`,
      expected: 'https for profiles that Intune validates',
      remedy: 'set listeners.device.tls, or put a reverse proxy with TLS in front',
    })
  }
  if (!isLoopback(admin.host)) {
    warnings.push({
      path: 'listeners.admin.host',
      found: `"${admin.host}"`,
      expected: 'an address inside: the admin listener asks for no password',
      remedy: 'listen on 127.0.0.1, or keep the port closed from outside',
    })
  }
  return warnings
}

function checkOperation({ hasPassphraseFile, simulator, logging }: Sections): Problem[] {
  const warnings: Problem[] = []
  if (!hasPassphraseFile) {
    warnings.push({
      path: 'passphraseFile',
      found: 'nothing',
      expected: 'a file apart from the keys that it protects',
      remedy: 'name a file outside of dataDir',
    })
  }
  if (simulator?.enabled === true) {
    warnings.push({
      path: 'simulator.enabled',
      found: 'true',
      expected:
        'false in production: the simulator hands out challenges to anybody on this machine',
      remedy: 'remove it',
    })
  }
  for (const channel of ['admin', 'operational'] as const) {
    if (logging?.debug[channel] !== true) continue
    warnings.push({
      path: `logging.debug.${channel}`,
      found: 'true',
      expected: 'false unless a fault is being looked for',
      remedy: 'switch it off afterwards',
    })
  }
  return warnings
}

function checkChallenge({ index, value }: Element<Profile>): Problem[] {
  const at = `profiles[${index}]`
  if (value.challenge.kind === 'intune') return []
  const warnings: Problem[] = []
  const challenge =
    value.challenge.kind === 'static' ? (value.challenge.secret?.reveal() ?? '') : ''
  if (challenge !== '' && challenge.length < 16) {
    warnings.push({
      path: `${at}.challenge.secret`,
      found: '[secret] of fewer than 16 characters',
      expected: 'a long random challenge: whoever knows it gets certificates',
      remedy: 'make one, for example with openssl rand -hex 24',
    })
  }
  // The PrintableString set (REQ-159): Windows encodes the challenge so and fails on any other character.
  if (!/^[A-Za-z0-9 '()+,\-./:=?]*$/.test(challenge)) {
    warnings.push({
      path: `${at}.challenge.secret`,
      found: '[secret] with characters that Windows cannot send',
      expected: "letters, digits, space and ' ( ) + , - . / : = ? only",
      remedy: 'choose another challenge',
    })
  }
  if (value.certificate.sid === 'pass-uri') {
    warnings.push({
      path: `${at}.certificate.sid`,
      found: '"pass-uri"',
      expected: `strip: with a ${value.challenge.kind} challenge any device can claim any identity`,
      remedy: 'remove it',
    })
  }
  if (value.notifyMode === 'strict') {
    warnings.push({
      path: `${at}.notifyMode`,
      found: '"strict"',
      expected: `deferred: with a ${value.challenge.kind} challenge nobody is told`,
      remedy: 'remove it',
    })
  }
  return warnings
}

/** The page of NDES asks for passwords, and what reads it knows NDES's passwords only. */
function checkPage({ index, value }: Element<Profile>, { listeners }: Sections): Problem[] {
  if (!value.ndes.adminPage) return []
  const warnings: Problem[] = []
  if (listeners?.device.publicUrl.startsWith('http:') === true) {
    warnings.push({
      path: `profiles[${index}].ndes.adminPage`,
      found: 'true, over plain HTTP',
      expected: 'HTTPS: names, passwords and challenges travel as they are',
      remedy: 'set listeners.device.tls, or put a reverse proxy with TLS in front',
    })
  }
  const { challenge } = value
  const secret = challenge.kind === 'static' ? challenge.secret?.reveal() : undefined
  if (secret !== undefined && !/^[0-9A-F]{32}$/.test(secret)) {
    warnings.push({
      path: `profiles[${index}].challenge.secret`,
      found: '[secret] that NDES would not make',
      expected: '32 upper-case hexadecimal digits, which programs that read the page look for',
      remedy: 'make one with openssl rand -hex 16 | tr a-f A-F',
    })
  }
  return warnings
}

function checkStrength({ index, value }: Element<Profile>): Problem[] {
  const at = `profiles[${index}]`
  const weak: readonly (readonly [string, boolean, string])[] = [
    ['scep.allowMd5', value.scep.allowMd5, 'false: MD5 proves nothing'],
    ['scep.allowDes', value.scep.allowDes, 'false: DES hides nothing'],
    ['certificate.minRsaBits', value.certificate.minRsaBits < 2048, '2048 or more'],
  ]
  const warnings = weak
    .filter(([, isWeak]) => isWeak)
    .map(
      ([key, , expected]): Problem => ({
        path: `${at}.${key}`,
        found: key.endsWith('Bits') ? String(value.certificate.minRsaBits) : 'true',
        expected,
        remedy: 'keep it to a profile of its own for old devices',
      }),
    )
  const dangerous = ['anyExtendedKeyUsage', 'smartCardLogon', 'certificateRequestAgent']
  for (const name of dangerous) {
    if (!value.certificate.allowedEkus.includes(extendedKeyUsages[name] ?? '')) continue
    warnings.push({
      path: `${at}.certificate.allowedEkus`,
      found: name,
      expected: 'only usages that devices need: this one lets its holder act for others',
      remedy: 'remove it unless that is meant',
    })
  }
  return warnings
}

function checkCapabilities({ index, value }: Element<Profile>): Problem[] {
  const path = `profiles[${index}].capabilities`
  const words = value.capabilities
  const known: readonly string[] = knownCapabilities
  const warnings = words
    .filter((word) => !known.includes(word))
    .map(
      (word): Problem => ({
        path,
        found: word,
        expected: `keywords that clients know: ${known.join(', ')}`,
        remedy: 'mind capital letters: clients compare them',
      }),
    )
  const hasDigest = words.some((word) => /^SHA-(1|256|512)$/.test(word))
  const hasCipher = words.includes('AES') || words.includes('DES3')
  // REQ-30: iOS 10 and later refuse such a server.
  if (!hasDigest || !hasCipher) {
    warnings.push({
      path,
      found: words.join(', '),
      expected: 'one of SHA-1, SHA-256, SHA-512 and one of AES, DES3: iOS refuses a server without',
      remedy: 'add them',
    })
  }
  return warnings
}

function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host)
}
