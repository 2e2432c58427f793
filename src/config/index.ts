/** File and environment to a checked configuration, and its documents. The only room besides `cli` that reads the environment. */
export { type ClientNote, findClientNotes } from './client-notes.ts'
export { type DemonstrationPorts, demonstrationConfiguration } from './demonstration.ts'
export { describeConfiguration } from './document.ts'
export { renderExample } from './example.ts'
export { explainProfile, type Statement } from './explain-profile.ts'
export { loadConfiguration } from './load.ts'
export { formatProblem, type Problem } from './problem.ts'
export type { Configuration } from './schema/configuration.ts'
