import type { RaMaterial, ScepRules } from '../../../src/scep/index.ts'
import type { TestAuthority, TestIdentity } from './test-authority.ts'

/** The rules of a profile with everything at its default, except what is given. */
export function scepRules(changes: Partial<ScepRules> = {}): ScepRules {
  return {
    allowMd5: false,
    allowDes: false,
    requireSameKey: false,
    maxSigningTimeSkewSeconds: undefined,
    signingTime: true,
    omitSignerCert: false,
    includeSignerChain: false,
    ndesEmptyContent: false,
    ndesAttributes: true,
    replyChain: 'none',
    ...changes,
  }
}

/** The current and the retired RA, as worker threads receive them. */
export function raMaterials(authority: TestAuthority): readonly RaMaterial[] {
  return [toMaterial(authority.ra, true), toMaterial(authority.retiredRa, false)]
}

function toMaterial(identity: TestIdentity, isCurrent: boolean): RaMaterial {
  return {
    certificateDer: identity.certificateDer,
    keyPkcs8Der: new Uint8Array(identity.privateKey.export({ type: 'pkcs8', format: 'der' })),
    issuersDer: [],
    isCurrent,
  }
}
