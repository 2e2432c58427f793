import { checkPkcs } from './pkcs-contradictions.ts'
import type { Problem } from './problem.ts'
import type { Sections } from './sections.ts'

/** Features that are switched on without what they need, and a connector with nothing to do. */
export function checkFeatures(sections: Sections): readonly Problem[] {
  const { features } = sections
  if (features === undefined) return []
  if (!Object.values(features).includes(true))
    return [
      {
        path: 'features',
        found: 'everything switched off',
        expected: 'at least one feature: the connector would do nothing',
        remedy: `switch on one of ${Object.keys(features).join(', ')}`,
      },
    ]
  return [
    ...checkScep(sections),
    ...checkRevocation(sections),
    ...checkPkcs(sections),
    ...checkPfxImport(sections),
  ]
}

function checkScep({ features, hasProfiles }: Sections): Problem[] {
  if (features?.scep !== true || hasProfiles) return []
  return [
    {
      path: 'profiles',
      found: 'nothing',
      expected: 'at least one profile, because features.scep is on',
      remedy: 'add one with name and challenge, or set features.scep to false',
    },
  ]
}

function checkRevocation({ features, hasIntune, hasOpenService }: Sections): Problem[] {
  if (features?.revocation !== true || hasIntune || hasOpenService) return []
  return [
    {
      path: 'intune',
      found: 'nothing',
      expected:
        'a section, because features.revocation asks Intune or a connector service what to revoke',
      remedy:
        'add intune with tenant, clientId and clientSecretFile, or management.openService, or switch the feature off',
    },
  ]
}

/** What the delivery of imported PFX cannot do without. */
function checkPfxImport({ features, hasOpenService, pfxImport }: Sections): Problem[] {
  if (features?.pkcsImport !== true) return []
  return [
    ...(hasOpenService
      ? []
      : [
          {
            path: 'management.openService',
            found: 'nothing',
            expected: 'a section, because features.pkcsImport takes its work from there',
            remedy: 'add management.openService with its url, or switch the feature off',
          },
        ]),
    ...(pfxImport === undefined || pfxImport.deviceIssuersFile !== undefined
      ? []
      : [
          {
            path: 'pfxImport.deviceIssuersFile',
            found: 'nothing',
            expected: 'the CAs of device certificates, because keys are sealed for those devices',
            remedy: 'name a PEM file with them, or switch features.pkcsImport off',
          },
        ]),
  ]
}
