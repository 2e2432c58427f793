import type { PublicUrls } from '../wire/public-urls.ts'

/** The two services that a connector looks for. */
export type ServiceKind = 'scep' | 'pki'

/** How discovery is changed from its normal answer. */
export interface DiscoverySettings {
  /** Instead of the right URI; an unknown host, for example. */
  readonly scepUri?: string | undefined
  readonly pkiUri?: string | undefined
  /** Services that are left out, as in a tenant without licence. */
  readonly omit?: readonly ServiceKind[] | undefined
  /** Entries a page of MS Graph; the rest follows by `@odata.nextLink`. Default all. */
  readonly pageSize?: number | undefined
}

/** One service that discovery lists. */
export interface ListedService {
  readonly name: string
  readonly uri: string
}

/** Where the tenant's services stand. The host names of Intune are paths here: one scale unit is one path segment. */
export class ServiceMap {
  readonly #https: string
  #unit = 1
  settings: DiscoverySettings = {}

  constructor(urls: PublicUrls) {
    this.#https = urls.https
  }

  /** Moves the tenant to the next scale unit: from now on the old URIs answer 404 and discovery shows the new ones. */
  advanceScaleUnit(): void {
    this.#unit++
  }

  /** Name of the present scale unit, as `msuc01`. */
  get scaleUnit(): string {
    return `msuc${String(this.#unit).padStart(2, '0')}`
  }

  /** Right URI of a service, whatever the settings make discovery say. No trailing slash. */
  uriOf(kind: ServiceKind): string {
    const base = `${this.#https}/fef/${this.scaleUnit}/RACerts`
    return kind === 'scep'
      ? `${base}/ScepRequestValidationFEService/Gateway/StatelessScepRequestValidationService`
      : `${base}/StatelessPkiConnectorService/Gateway/StatelessPkiConnectorService`
  }

  /** What discovery shows: both services among others, SCEP twice and once in another case, as has been seen. */
  list(): ListedService[] {
    const { scepUri, pkiUri, omit = [] } = this.settings
    const scep = scepUri ?? this.uriOf('scep')
    const unrelated = (name: string): ListedService => ({
      name,
      uri: `${this.#https}/fef/${this.scaleUnit}/${name}`,
    })
    return [
      unrelated('StatelessDeviceEnrollmentService'),
      ...(omit.includes('scep') ? [] : [{ name: 'ScepRequestValidationFEService', uri: scep }]),
      unrelated('IOSEnrollmentService'),
      ...(omit.includes('pki')
        ? []
        : [{ name: 'PkiConnectorFEService', uri: pkiUri ?? this.uriOf('pki') }]),
      ...(omit.includes('scep') ? [] : [{ name: 'sceprequestvalidationfeservice', uri: scep }]),
      unrelated('TelemetryService'),
    ]
  }
}
