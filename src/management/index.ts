/** Who tells us what to do: validation of challenges and the notifications that are owed. Does not know SCEP messages or certificates. */
export { CLOUDS, type CloudName, type CloudUrls } from './intune/clouds.ts'
export { createIntune, type IntuneClient } from './intune/create-intune.ts'
export { getFailureHResult } from './intune/hresults.ts'
export { type MicrosoftSettings, parseMicrosoftSettings } from './intune/microsoft-settings.ts'
export type {
  IntuneCredential,
  IntuneOptions,
  IntuneTimeouts,
  ProxyOptions,
} from './intune/options.ts'
export { getResultCode, RESULT_CODES, type ResultCode } from './intune/result-codes.ts'
export type { ServiceMapStore } from './intune/service-map.ts'
export { createServiceMapFile } from './intune/service-map-file.ts'
export { createStaticChallenge } from './local/static-challenge.ts'
export type * from './ports.ts'
