import { randomBytes } from 'node:crypto'
import { createServer as createHttpServer } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { isIPv6 } from 'node:net'
import { ConnectorError, systemClock } from '../kernel/index.ts'
import { recordCaFile } from './ca-file.ts'
import { composeServices, issueServiceKeys } from './composition.ts'
import { type AppRegistration, Directory } from './entra/directory.ts'
import { intuneResourceUrl } from './entra/resources.ts'
import { closeListener, listen } from './listener.ts'
import { MovableClock } from './movable-clock.ts'
import { ReleaseList } from './open-service/releases.ts'
import {
  defaultClientId,
  defaultTenantDomain,
  defaultTenantId,
  type SimulatorOptions,
} from './options.ts'
import { issueTlsIdentity } from './tls-identity.ts'
import { publicUrlsOf } from './wire/public-urls.ts'

/** A running simulator: what a client must be configured with. */
export interface Simulator {
  /** Base of all played services, no trailing slash. */
  readonly httpsUrl: string
  /** Base of the control calls, no trailing slash. */
  readonly controlUrl: string
  /** The CA to trust for `httpsUrl`. */
  readonly caPem: string
  /** The same in a file, absolute path. */
  readonly caFile: string
  readonly tenantId: string
  readonly clientId: string
  /** Plain text: it protects nothing but the simulator. */
  readonly clientSecret: string
  /** Login authority with trailing slash; clients append the tenant (AUTH_AUTHORITY). */
  readonly authorityUrl: string
  /** MS Graph with trailing slash; clients append `v1.0/…`. */
  readonly graphUrl: string
  /** AAD Graph with trailing slash; clients append the tenant. */
  readonly aadGraphUrl: string
  /** Name of the Intune API for scopes; never connected to. */
  readonly intuneResourceUrl: string
  /** With which a connector enrols at the open service, whose origin is `httpsUrl`. Any number of times. */
  readonly enrolmentToken: string
  /** With which the open service's release manifest is signed: Ed25519, SPKI PEM. */
  readonly releaseKeyPem: string
  /** The CA of the devices that payloads are sealed for. */
  readonly deviceCaPem: string
  /** Stops both listeners and drops all connections. Closing twice is harmless. */
  close(): Promise<void>
}

/**
 * Starts the simulator. All its keys are new at every start and live in memory; the CA certificate is written to a file.
 *
 * @throws ConnectorError `config/invalid` a port is taken or the data folder cannot be written
 */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const host = options.host ?? '127.0.0.1'
  const publicHost = options.publicHost ?? (isWildcard(host) ? 'localhost' : host)
  const clock = new MovableClock(options.clock ?? systemClock)
  const app = {
    tenantId: options.tenantId ?? defaultTenantId,
    clientId: options.clientId ?? defaultClientId,
    clientSecret: options.clientSecret ?? randomBytes(32).toString('base64url'),
  }
  const directory = new Directory(app.tenantId, options.tenantDomain ?? defaultTenantDomain)
  const graphRoles = [
    'Application.Read.All',
    'User.Read.All',
    'Device.Read.All',
    'DeviceManagementManagedDevices.Read.All',
    'DeviceManagementConfiguration.ReadWrite.All',
  ]
  for (const registration of [{ ...app, graphRoles }, ...(options.apps ?? [])])
    recordApp(directory, registration)

  const [tls, keys] = await Promise.all([
    issueTlsIdentity(publicHost, clock.base.now()),
    issueServiceKeys(clock.base.now()),
  ])
  const https = createHttpsServer({
    key: tls.server.privateKeyPem,
    cert: tls.server.certificatePem,
    minVersion: 'TLSv1.2',
    // Connectors of the open service have certificates, clients of Intune have none; the services decide.
    requestCert: true,
    rejectUnauthorized: false,
    ca: keys.fleetCa.certificatePem,
  })
  const control = createHttpServer()
  const close = async (): Promise<void> => {
    await Promise.all([closeListener(https), closeListener(control)])
  }
  try {
    const { httpsPort = 8443, controlPort = 8090 } = options
    const port = await listen(https, { option: 'httpsPort', host, port: httpsPort })
    const urls = publicUrlsOf(publicHost, port)
    const enrolmentToken = randomBytes(32).toString('base64url')
    const releases = new ReleaseList(clock)
    const { tenantId } = app
    const service = { enrolmentToken, releases }
    const parts = composeServices({ urls, tenantId, directory, keys, clock, ...service })
    https.on('request', parts.played)
    control.on('request', parts.control)
    const ownPort = await listen(control, { option: 'controlPort', host, port: controlPort })
    return {
      httpsUrl: urls.https,
      controlUrl: `http://${isIPv6(publicHost) ? `[${publicHost}]` : publicHost}:${ownPort}`,
      caPem: tls.caPem,
      caFile: await recordCaFile(options.dataDir, tls.caPem),
      ...app,
      authorityUrl: urls.authority,
      graphUrl: urls.graph,
      aadGraphUrl: urls.aadGraph,
      intuneResourceUrl,
      enrolmentToken,
      releaseKeyPem: releases.publicKeyPem,
      deviceCaPem: keys.devices.caPem,
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}

function recordApp(directory: Directory, registration: AppRegistration): void {
  try {
    directory.record(registration)
  } catch (cause) {
    throw new ConnectorError(
      'config/invalid',
      `simulator apps: certificatesPem of ${registration.clientId} holds something that is no PEM certificate. Remove it or replace it.`,
      { cause },
    )
  }
}
