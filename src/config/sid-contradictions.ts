import type { Problem } from './problem.ts'
import type { Element, Sections } from './sections.ts'

type Profile = Sections['profiles'][number]['value']

/** Where a profile, or one of its templates, wants a directory that it does not have or does not use. */
export function checkSids({ index, value }: Element<Profile>): Problem[] {
  const at = `profiles[${index}]`
  return [
    { path: `${at}.certificate`, rules: value.certificate },
    ...value.templates.map(({ certificate }, position) => ({
      path: `${at}.templates[${position}].certificate`,
      rules: certificate,
    })),
  ].flatMap(({ path, rules }) => {
    const problems: Problem[] = []
    if (rules.sid === 'verified' && value.challenge.kind !== 'intune')
      problems.push({
        path: `${path}.sid`,
        found: `"verified", with a ${value.challenge.kind} challenge`,
        expected:
          'an Intune challenge, whose validation covers the names: otherwise a device could claim to be anybody, and the directory would give it the SID',
        remedy: 'use strip',
      })
    if (rules.requireSid && rules.sid !== 'verified')
      problems.push({
        path: `${path}.requireSid`,
        found: 'true, without sid: verified',
        expected: 'a SID that the directory gives',
        remedy: 'set sid: verified beside it, or remove the key',
      })
    return problems
  })
}
