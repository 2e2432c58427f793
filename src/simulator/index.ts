/**
 * A management service for development, demonstration and tests: plays Entra ID, Graph discovery, Intune's SCEP and
 * revocation services and the open connector service over real TLS, and is steered by a control listener. Written from the
 * protocol note, not from our client, so that each checks the other. Knows nothing of our certificate authorities or stores.
 */
export type { SimulatorOptions } from './options.ts'
export { type Simulator, startSimulator } from './simulator.ts'
