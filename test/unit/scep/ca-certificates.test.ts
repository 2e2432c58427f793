import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseCertificates } from '../../../src/pki/index.ts'
import { encodeCaCertificates, MEDIA_TYPE } from '../../../src/scep/index.ts'
import { makeCa, makeRa } from './message-builder.ts'

test('REQ-36, REQ-37: the list of GetCACert keeps its order: recipient first, whatever DER would sort', () => {
  const ca = makeCa()
  const list = [makeRa(ca).certificateDer, ca.certificateDer]
  assert.deepEqual(parseCertificates(encodeCaCertificates(list)), list)
  assert.deepEqual(parseCertificates(encodeCaCertificates(list.toReversed())), list.toReversed())
})

test('REQ-23: media types are lower case and have no parameters', () => {
  for (const type of Object.values(MEDIA_TYPE)) assert.match(type, /^application\/[a-z0-9-]+$/)
})
