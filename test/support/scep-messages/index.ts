/**
 * SCEP messages for tests: valid ones in bulk, and every captured or strange shape of the specification. Written with
 * an encoder of its own, apart from `src/pki` and from the enrolment client.
 */
export * from './ber.ts'
export * from './certificates.ts'
export * from './codec-rules.ts'
export * from './envelopes.ts'
export * from './messages.ts'
export * from './openssl-command.ts'
export * from './prebuilt-requests.ts'
export * from './replies.ts'
export * from './scep-server.ts'
export * from './shapes.ts'
export * from './signing-requests.ts'
export * from './test-authority.ts'
