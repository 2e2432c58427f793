import { toBase64 } from '../../kernel/index.ts'
import type {
  PkcsImportValue,
  PkcsRecryptValue,
  PkcsValue,
  RevocationValue,
  SealedPayload,
} from '../work-items.ts'

/** Members of a successful result, as the wire writes them. */
export const workValues = {
  pkcs: (value: PkcsValue) => ({
    caConfiguration: value.caConfiguration,
    caRequestId: value.caRequestId ?? null,
    certificate: toBase64(value.certificateDer),
    serialNumber: value.serialHex.toUpperCase(),
    issuerName: value.issuerName,
    thumbprint: value.thumbprintHex.toLowerCase(),
    startDateTime: value.notBefore.toISOString(),
    expirationDateTime: value.notAfter.toISOString(),
    payload: payloadOf(value.payload),
    escrowPayload: escrowOf(value.escrowPayload),
  }),
  pkcsRecrypt: (value: PkcsRecryptValue) => ({
    thumbprint: value.thumbprintHex.toLowerCase(),
    ...(value.payload === undefined ? {} : { payload: payloadOf(value.payload) }),
    escrowPayload: escrowOf(value.escrowPayload),
  }),
  pkcsImport: (value: PkcsImportValue) => ({
    thumbprint: value.thumbprintHex.toLowerCase(),
    deviceKeyThumbprint: value.deviceKeyThumbprintHex.toLowerCase(),
    encryptedPfxPassword: toBase64(value.encryptedPfxPassword),
    encryptedAppleProfiles: value.encryptedAppleProfiles.map(toBase64),
    ...(value.encryptedPfxBlob === undefined
      ? {}
      : { encryptedPfxBlob: toBase64(value.encryptedPfxBlob) }),
  }),
  revocation: (value: RevocationValue) => ({
    revokedDateTime: value.revokedAt.toISOString(),
    alreadyRevoked: value.alreadyRevoked,
  }),
}

function payloadOf(payload: SealedPayload) {
  return {
    protection: payload.protection,
    encryptedPfxBlob: toBase64(payload.encryptedPfxBlob),
    ...(payload.encryptedPfxPassword === undefined
      ? {}
      : { encryptedPfxPassword: toBase64(payload.encryptedPfxPassword) }),
    deviceKeyThumbprint: payload.deviceKeyThumbprintHex.toLowerCase(),
  }
}

function escrowOf(cms: Uint8Array | undefined) {
  return cms === undefined ? null : { cms: toBase64(cms) }
}
