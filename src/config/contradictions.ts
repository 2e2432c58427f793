import { checkChallenges } from './challenge-contradictions.ts'
import { checkFeatures } from './feature-contradictions.ts'
import type { Problem } from './problem.ts'
import type { Element, Sections } from './sections.ts'
import { checkSids } from './sid-contradictions.ts'

type Profile = Sections['profiles'][number]['value']

/** What the parts of a configuration say against each other. */
export function findContradictions(sections: Sections): readonly Problem[] {
  return [
    ...findRepeated('profiles', 'name', sections.profiles, ({ name }) => name),
    ...findRepeated('ca', 'id', sections.ca, ({ id }) => id),
    ...checkCaReferences(sections),
    ...sections.profiles.flatMap((profile) => checkProfile(profile, sections)),
    ...sections.profiles.flatMap(checkSids),
    ...sections.ca.flatMap(checkAuthority),
    ...checkListeners(sections),
    ...checkChallenges(sections),
    ...checkIntune(sections),
    ...checkFeatures(sections),
    ...checkProxy(sections),
  ]
}

function findRepeated<T>(
  list: string,
  key: string,
  elements: readonly Element<T>[],
  nameOf: (value: T) => string,
): Problem[] {
  const seen = new Set<string>()
  return elements.flatMap(({ index, value }) => {
    const name = nameOf(value)
    const isRepeated = seen.has(name)
    seen.add(name)
    if (!isRepeated) return []
    return [
      {
        path: `${list}[${index}].${key}`,
        found: `"${name}", which is taken`,
        expected: `a ${key} of its own`,
        remedy: 'rename one of the two',
      },
    ]
  })
}

function checkCaReferences({ ca, isCaComplete, caReferences }: Sections): Problem[] {
  const ids = ca.map(({ value }) => value.id)
  if (!isCaComplete) return []
  return caReferences
    .filter(({ value }) => !ids.includes(value))
    .map(({ index, value }) => ({
      path: `profiles[${index}].ca`,
      found: `"${value.slice(0, 40)}", which is no CA`,
      expected: `one of ${ids.join(', ')}`,
      remedy: `write one of ${ids.join(', ')}, or add a CA with this id`,
    }))
}

function checkProfile({ index, value }: Element<Profile>, sections: Sections): Problem[] {
  const at = `profiles[${index}]`
  const problems: Problem[] = []
  if (value.challenge.kind === 'intune' && value.manualApproval) {
    problems.push({
      path: `${at}.manualApproval`,
      found: 'true, with an Intune challenge',
      expected: 'false: Intune itself says who may enrol',
      remedy: 'remove the key, or give this profile a static challenge',
    })
  }
  if (value.challenge.kind === 'intune' && value.allowCertificateOnlyRenewal) {
    problems.push({
      path: `${at}.allowCertificateOnlyRenewal`,
      found: 'true, with an Intune challenge',
      expected: 'false: Intune gives every renewal a challenge of its own, and wants it validated',
      remedy: 'remove the key',
    })
  }
  if (
    value.challenge.kind === 'intune' &&
    !sections.hasIntune &&
    sections.features?.scep !== false
  ) {
    problems.push({
      path: 'intune',
      found: 'nothing',
      expected: `a section, because profile ${value.name} validates with Intune`,
      remedy: 'add intune with tenant, clientId and clientSecretFile',
    })
  }
  if (value.challenge.kind === 'static' && isMissing(value.challenge, 'secret')) {
    problems.push({
      path: `${at}.challenge.secretFile`,
      found: 'nothing',
      expected: 'the challenge that devices send',
      remedy: `name its file, or set CONNECTOR_PROFILES_${index}_CHALLENGE_SECRET`,
    })
  }
  problems.push(
    ...checkSubset(`${at}.certificate.defaultEkus`, 'allowedEkus', value.certificate),
    ...checkSubset(`${at}.certificate.defaultKeyUsages`, 'allowedKeyUsages', value.certificate),
  )
  if (value.capabilities.join('\n').length > 1024 || value.capabilities.length === 0) {
    problems.push({
      path: `${at}.capabilities`,
      found: `${value.capabilities.length} keywords`,
      expected: 'at least one keyword, and at most 1024 octets together',
      remedy: 'use the preset default',
    })
  }
  return problems
}

function checkSubset(
  path: string,
  allowedKey: 'allowedEkus' | 'allowedKeyUsages',
  rules: Profile['certificate'],
): Problem[] {
  const isEku = allowedKey === 'allowedEkus'
  const defaults: readonly string[] = isEku ? rules.defaultEkus : rules.defaultKeyUsages
  const allowed: readonly string[] = rules[allowedKey]
  const stray = defaults.filter((usage) => !allowed.includes(usage))
  if (stray.length === 0) return []
  return [
    {
      path,
      found: `${stray.join(', ')}, which is not allowed`,
      expected: `only what ${allowedKey} holds`,
      remedy: `add it to ${allowedKey} or remove it here`,
    },
  ]
}

function checkAuthority({ index, value }: Sections['ca'][number]): Problem[] {
  const at = `ca[${index}]`
  const pairs = [
    [
      'crl.publishEveryHours',
      value.crl.publishEveryHours,
      'crl.validityHours',
      value.crl.validityHours,
    ],
    ['ra.overlapDays', value.ra.overlapDays, 'ra.validityDays', value.ra.validityDays],
    ['issuingYears', value.issuingYears, 'rootYears', value.rootYears + 1],
  ] as const
  return pairs.flatMap(([key, less, otherKey, more]) =>
    less < more
      ? []
      : [
          {
            path: `${at}.${key}`,
            found: String(less),
            expected: `${otherKey === 'rootYears' ? 'at most' : 'less than'} ${otherKey}`,
            remedy: `lower it, or raise ${at}.${otherKey}`,
          },
        ],
  )
}

function checkListeners({ listeners }: Sections): Problem[] {
  if (listeners === undefined) return []
  const { device, admin } = listeners
  const problems: Problem[] = []
  // It cannot be taken back: every certificate would name CRLs below it.
  const scepPath = /\/(certsrv|mscep)(\/.*|$)/i
  const { origin, pathname } = new URL(device.publicUrl)
  if (scepPath.test(pathname))
    problems.push({
      path: 'listeners.device.publicUrl',
      found: `"${device.publicUrl}", a SCEP URL`,
      expected:
        'what stands before /certsrv/mscep/mscep.dll: the connector adds that, and other paths for CRLs',
      remedy: `write ${origin}${pathname.replace(scepPath, '')}`,
    })
  const tlsPort = device.tls?.port
  if (tlsPort !== undefined && tlsPort !== 0 && tlsPort === device.port)
    problems.push({
      path: 'listeners.device.tls.port',
      found: `${tlsPort}, the port of plain HTTP`,
      expected: 'a port of its own',
      remedy: 'choose another port, or remove the key to serve HTTPS instead of plain HTTP',
    })
  const isShared =
    device.host === admin.host &&
    [device.port, tlsPort].some((port) => port === admin.port && port !== 0)
  if (isShared)
    problems.push({
      path: 'listeners.admin.port',
      found: `${admin.port}, the port of the device listener`,
      expected: 'a port of its own: devices must not reach the admin listener',
      remedy: 'choose another port',
    })
  return problems
}

function checkIntune({ intune }: Sections): Problem[] {
  if (intune === undefined) return []
  const hasSecret = intune.clientSecret !== undefined || intune.clientSecretFile !== undefined
  const hasCertificate = intune.clientCertificateFile !== undefined
  const hasKey = intune.clientKeyFile !== undefined
  if (hasCertificate !== hasKey) {
    const missing = hasKey ? 'clientCertificateFile' : 'clientKeyFile'
    return [
      {
        path: `intune.${missing}`,
        found: 'nothing',
        expected: 'certificate and key together',
        remedy: 'name both files',
      },
    ]
  }
  if (hasSecret !== hasCertificate) return []
  return [
    {
      path: 'intune.clientSecretFile',
      found: hasSecret ? 'given, and so is a certificate' : 'nothing',
      expected: 'one credential: a secret, or a certificate with its key',
      remedy: hasSecret
        ? 'keep one of the two'
        : 'name the file of the secret, set CONNECTOR_INTUNE_CLIENT_SECRET, or name clientCertificateFile and clientKeyFile',
    },
  ]
}

function checkProxy({ proxy }: Sections): Problem[] {
  if (proxy === undefined || proxy.username !== undefined) return []
  if (isMissing(proxy, 'password')) return []
  return [
    {
      path: 'proxy.username',
      found: 'nothing',
      expected: 'the user that the password belongs to',
      remedy: 'add proxy.username, or remove the password',
    },
  ]
}

/** Neither the secret nor its file: a file that cannot be read is a problem of its own. */
function isMissing(section: object, key: string): boolean {
  return !Object.hasOwn(section, key) && !Object.hasOwn(section, `${key}File`)
}
