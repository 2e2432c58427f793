import {
  type CertificationRequest,
  findExtension,
  OID,
  parseKeyUsage,
  parseTemplateName,
  parseTemplateOid,
} from '../pki/index.ts'
import type { CertificateRules } from './certificate-policy.ts'

/** Key usage as NDES sorts requests: its signature, encryption and general-purpose templates (REQ-115). */
export type RequestedPurpose = 'signature' | 'encryption' | 'general'

/** Rules for the requests that name this template, or that ask for this purpose. */
export interface CertificateTemplate {
  /** Names or OIDs, compared without regard to letter case; empty: whatever it is called. */
  readonly names: readonly string[]
  /** Left out: any. */
  readonly purpose: RequestedPurpose | undefined
  readonly certificate: CertificateRules
}

/**
 * The rules for a request: those of the first template that it names and whose purpose fits; else those of the first
 * without a name whose purpose fits; else those of the profile, which the URL has chosen (REQ-115, REQ-120).
 *
 * @throws ConnectorError `pki/malformed` a template extension or keyUsage cannot be read
 */
export function chooseCertificateRules(
  csr: Pick<CertificationRequest, 'extensions' | 'nameValuePairs'>,
  templates: readonly CertificateTemplate[],
  otherwise: CertificateRules,
): CertificateRules {
  if (templates.length === 0) return otherwise
  const asked = listTemplates(csr).map((name) => name.toLowerCase())
  const purpose = purposeOf(csr)
  const fits = (template: CertificateTemplate) =>
    template.purpose === undefined || template.purpose === purpose
  const named = templates.find(
    (template) =>
      fits(template) && template.names.some((name) => asked.includes(name.toLowerCase())),
  )
  const unnamed = templates.find((template) => fits(template) && template.names.length === 0)
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
