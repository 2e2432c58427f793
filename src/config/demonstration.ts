import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { Secret } from '../kernel/index.ts'
import { complete } from './load.ts'
import { type Configuration, configurationSchema } from './schema/configuration.ts'

/** Ports of the demonstration, where the usual ones are taken. */
export interface DemonstrationPorts {
  /** Default 8080. */
  readonly device?: number
  /** Default 8081. */
  readonly admin?: number
  /** Default 8443. */
  readonly simulator?: number
  /** Default 8090. */
  readonly control?: number
}

/**
 * What runs without a configuration file: loopback only, an embedded CA, the simulator beside it, and three profiles:
 * `default` (Intune validation against the simulator), `static` and `legacy` (challenge `secret`; `legacy` allows DES and
 * MD5). Not for production. The client secret is new each time; the simulator is given the same.
 *
 * @param dataDir absolute; `passphrase` and `simulator-ca.pem` in it are made by whoever starts the demonstration
 */
export function demonstrationConfiguration(
  dataDir: string,
  ports: DemonstrationPorts = {},
): Configuration {
  const device = ports.device ?? 8080
  const simulator = ports.simulator ?? 8443
  const simulatorUrl = `https://127.0.0.1:${simulator}`
  const sharedChallenge = { kind: 'static', secret: new Secret('secret') } as const
  const parsed = configurationSchema.parse({
    connector: { name: 'Demonstration' },
    dataDir,
    listeners: {
      device: { port: device, publicUrl: `http://127.0.0.1:${device}` },
      admin: { port: ports.admin ?? 8081 },
    },
    // Keys of this size are made within a second, so that the first start does not keep anybody waiting.
    ca: [{ name: 'Demonstration CA', rootKey: 'rsa2048', issuingKey: 'rsa2048' }],
    intune: {
      // The simulator's own tenant and application.
      tenant: '7e57ab1e-0000-4000-8000-000000000001',
      clientId: '7e57ab1e-0000-4000-8000-000000000002',
      clientSecret: new Secret(randomBytes(24).toString('base64url')),
      authorityUrl: simulatorUrl,
      graphUrl: `${simulatorUrl}/graph`,
      trustedCaFile: join(dataDir, 'simulator-ca.pem'),
      allowedHostSuffixes: ['127.0.0.1'],
    },
    // The simulator's too; it gives the token and the CA of each start.
    management: { openService: { url: simulatorUrl } },
    profiles: [
      { name: 'default', challenge: { kind: 'intune' } },
      { name: 'static', challenge: sharedChallenge },
      {
        name: 'legacy',
        challenge: sharedChallenge,
        scep: { allowMd5: true, allowDes: true },
      },
    ],
    features: { revocation: true, pkcs: true },
    // What the simulator's queue asks for; its devices have certificates of its own CA.
    pkcs: {
      templates: [
        {
          certificationAuthority: 'ca1.corp.example',
          certificationAuthorityName: 'Corp Issuing CA',
          certificateTemplateName: 'IntuneUser',
          subject: ['CN=*', 'E=*@corp.example', 'O=Corp'],
          subjectAltNames: ['userPrincipalName=*@corp.example', 'emailAddress=*@corp.example'],
        },
      ],
    },
    revocation: { pollMinutes: 1 },
    logging: { console: 'pretty' },
    simulator: { enabled: true, httpsPort: simulator, controlPort: ports.control ?? 8090 },
  })
  return complete(parsed, dataDir)
}
