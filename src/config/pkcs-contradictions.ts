import type { Problem } from './problem.ts'
import type { Sections } from './sections.ts'

/** What issuing for a management service cannot do without. */
export function checkPkcs(sections: Sections): readonly Problem[] {
  const { features, hasOpenService, pkcs, simulator } = sections
  if (features?.pkcs !== true) return []
  const problems: Problem[] = []
  if (!hasOpenService)
    problems.push({
      path: 'management.openService',
      found: 'nothing',
      expected: 'a section, because features.pkcs takes its work from there',
      remedy: 'add management.openService with its url, or switch the feature off',
    })
  if (pkcs === undefined) return problems
  if (pkcs.deviceIssuersFile === undefined && simulator?.enabled !== true)
    problems.push({
      path: 'pkcs.deviceIssuersFile',
      found: 'nothing',
      expected: 'the CAs of device certificates, because keys are sealed for those devices',
      remedy: 'name a PEM file with them, or switch features.pkcs off',
    })
  if (pkcs.templates.length === 0)
    problems.push({
      path: 'pkcs.templates',
      found: 'nothing',
      expected: 'at least one template, because nothing else is issued',
      remedy: 'add what the service may ask for, or switch features.pkcs off',
    })
  return [...problems, ...checkAuthorities(sections)]
}

function checkAuthorities({ pkcs, ca, isCaComplete }: Sections): Problem[] {
  if (pkcs === undefined || !isCaComplete) return []
  const ids = ca.map(({ value }) => value.id)
  return pkcs.templates.flatMap((template, index) =>
    ids.includes(template.ca)
      ? []
      : [
          {
            path: `pkcs.templates[${index}].ca`,
            found: `"${template.ca.slice(0, 40)}", which is no CA`,
            expected: `one of ${ids.join(', ')}`,
            remedy: `write one of ${ids.join(', ')}, or add a CA with this id`,
          },
        ],
  )
}
