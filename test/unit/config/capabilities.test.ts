import assert from 'node:assert/strict'
import { test } from 'node:test'
import { demonstrationConfiguration } from '../../../src/config/index.ts'
import { capabilitiesSchema } from '../../../src/config/schema/scep-rules.ts'

test('REQ-27, REQ-30: the default list has its order, a SHA and both ciphers, and no GetNextCACert', () => {
  const [profile] = demonstrationConfiguration('data').profiles
  assert.deepEqual(profile?.capabilities, [
    'Renewal',
    'SHA-1',
    'SHA-256',
    'SHA-512',
    'AES',
    'DES3',
    'SCEPStandard',
    'POSTPKIOperation',
  ])
})

test('REQ-32: ndes-classic is what NDES announces: no POST and no AES', () => {
  assert.deepEqual(capabilitiesSchema.parse('ndes-classic'), [
    'Renewal',
    'SHA-512',
    'SHA-256',
    'SHA-1',
    'DES3',
  ])
})
