import {
  type CertificationRequest,
  findExtension,
  OID,
  parseKeyUsage,
  parseTemplateName,
  parseTemplateOid,
} from '../../pki/index.ts'
import type { CertificateRules } from './certificate-policy.ts'

/** Key usage as NDES sorts requests: its signature, encryption and general-purpose templates (REQ-115). */
export type RequestedPurpose = 'signature' | 'encryption' | 'general'

/** Rules for the requests that name this template, or that ask for this purpose. */
export interface CertificateTemplate {
  /** Names or OIDs, compared without regard to letter case; empty: whatever it is called. */
  readonly names: readonly string[]
  /** Left out: any. */
  readonly purpose: RequestedPurpose | undefined
  /** All must stand in the URL with these values; empty: whatever stands there (REQ-10). */
  readonly urlParams: Readonly<Record<string, string>>
  readonly certificate: CertificateRules
}

/**
 * The rules for a request: those of the first template that it, or its URL, names and whose purpose fits; else those of
 * the first without a name whose purpose fits; else those of the profile, which the path has chosen (REQ-10, REQ-115,
 * REQ-120).
 *
 * @param urlParams beside operation and message; outside of every signature, as the path is
 * @throws ConnectorError `pki/malformed` a template extension or keyUsage cannot be read
 */
export function chooseCertificateRules(
  csr: Pick<CertificationRequest, 'extensions' | 'nameValuePairs'>,
  templates: readonly CertificateTemplate[],
  otherwise: CertificateRules,
  urlParams: ReadonlyMap<string, string> = new Map(),
): CertificateRules {
  if (templates.length === 0) return otherwise
  const asked = listTemplates(csr).map((name) => name.toLowerCase())
  const purpose = purposeOf(csr)
  const fitting = templates.filter(
    (template) =>
      (template.purpose === undefined || template.purpose === purpose) &&
      Object.entries(template.urlParams).every(([name, value]) => urlParams.get(name) === value),
  )
  const named = fitting.find(({ names, urlParams: wanted }) =>
    names.length === 0
      ? Object.keys(wanted).length > 0
      : names.some((name) => asked.includes(name.toLowerCase())),
  )
  const unnamed = fitting.find(({ names }) => names.length === 0)
  return (named ?? unnamed)?.certificate ?? otherwise
}

function listTemplates({
  extensions,
  nameValuePairs,
}: Pick<CertificationRequest, 'extensions' | 'nameValuePairs'>): string[] {
  const name = findExtension(extensions, OID.templateName)
  const information = findExtension(extensions, OID.templateInformation)
  return [
    ...(information === undefined ? [] : [parseTemplateOid(information.valueDer)]),
    ...(name === undefined ? [] : [parseTemplateName(name.valueDer)]),
    ...nameValuePairs
      .filter((pair) => pair.name.toLowerCase() === 'certificatetemplate')
      .map(({ value }) => value),
  ]
}

/** Both usages, and none, are general purpose. */
function purposeOf({ extensions }: Pick<CertificationRequest, 'extensions'>): RequestedPurpose {
  const extension = findExtension(extensions, OID.keyUsage)
  if (extension === undefined) return 'general'
  const usages = parseKeyUsage(extension.valueDer)
  const signs = usages.includes('digitalSignature')
  const encrypts = usages.includes('keyEncipherment')
  if (signs === encrypts) return 'general'
  return signs ? 'signature' : 'encryption'
}
