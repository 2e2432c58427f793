import type { GenerationDescription } from '../ca/index.ts'
import type { ConfiguredCa } from './ca-folder.ts'

const states = {
  current: 'current: issues now',
  next: 'next: published, issues from its hand-over on',
  previous: 'previous: signs its CRLs and OCSP answers on',
  cancelled: 'cancelled before its hand-over: signs its CRLs and OCSP answers on',
} as const

/** Prints the generations of a CA with their certificates. */
export async function showCa({ settings, directory }: ConfiguredCa): Promise<void> {
  const { caIdOf, describeAuthority } = await import('../ca/index.ts')
  const { generations } = await describeAuthority(directory, new Date())
  for (const generation of generations) {
    if (generations.length > 1)
      process.stdout.write(`\n${describeState(caIdOf(settings.id, generation.number), generation)}`)
    for (const one of generation.certificates) process.stdout.write(describeCertificate(one))
  }
}

function describeState(caId: string, { state, handOverAt }: GenerationDescription): string {
  const handOver = handOverAt === undefined ? '' : `; hand-over ${handOverAt.toISOString()}`
  return `== CA ${caId}: ${states[state]}${handOver}\n`
}

function describeCertificate(one: GenerationDescription['certificates'][number]): string {
  const key = one.publicKey
  return `
${one.role}${one.retiredAt === undefined ? '' : ` (retired ${one.retiredAt.toISOString()})`}
  subject      ${one.subject}
  issuer       ${one.issuer}
  serial       ${one.serialHex}
  valid        ${one.notBefore.toISOString()} to ${one.notAfter.toISOString()}
  key          ${key.curve ?? `${key.algorithm.toUpperCase()} ${key.bits}`}
  SHA-1        ${one.sha1Hex}
  SHA-256      ${one.sha256Hex}
  certificate  ${one.certificatePath}
  private key  ${one.hasKeyFile ? one.keyPath : 'not here'}
`
}
