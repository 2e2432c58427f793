import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { findDirectorySubject } from '../../../src/connector/policy/directory-subject.ts'
import { encodeGeneralName, encodeName, encodeSubjectAltName, OID } from '../../../src/pki/index.ts'

const guid = '0f8fad5b-d9cb-469f-a165-70867728950e'
const upn = (value: string) => encodeGeneralName('upn', value)
const deviceUri = (id: string) => encodeGeneralName('uri', `IntuneDeviceId://${id}`)

function named(commonNames: readonly string[], ...sans: readonly Uint8Array[]) {
  return findDirectorySubject({
    subjectDer: encodeName(commonNames.map((value) => ({ oid: OID.commonName, value }))),
    extensions: sans.length === 0 ? [] : [encodeSubjectAltName(sans)],
  })
}

const user = (userPrincipalName: string) => ({
  kind: 'named' as const,
  subject: { kind: 'user' as const, userPrincipalName },
})

describe('REQ-127: whom a request names for the directory', () => {
  test('the UPN of the subjectAltName comes first, also beside the device of the user', () => {
    assert.deepEqual(
      named([guid], upn('Ada@contoso.com'), deviceUri(guid)),
      user('ada@contoso.com'),
    )
  })

  test('a common name with an @ names a user, also beside the device of the user', () => {
    assert.deepEqual(named(['ada@contoso.com'], deviceUri(guid)), user('ada@contoso.com'))
  })

  test('an IntuneDeviceId names a managed device', () => {
    assert.deepEqual(named(['laptop'], deviceUri(guid)), {
      kind: 'named',
      subject: { kind: 'managed-device', id: guid },
    })
  })

  test('a common name that is a GUID names a device of either directory', () => {
    assert.deepEqual(named([guid.toUpperCase()]), {
      kind: 'named',
      subject: { kind: 'device', id: guid },
    })
  })

  test('other names name nobody', () => {
    assert.deepEqual(named(['printer-7'], encodeGeneralName('dns', 'p.example')), {
      kind: 'nobody',
    })
  })

  for (const [title, found] of [
    ['two users', () => named([], upn('a@x.example'), upn('b@x.example'))],
    ['two users in the subject', () => named(['a@x.example', 'b@x.example'])],
    ['two devices', () => named([], deviceUri(guid), deviceUri(guid.replace('0', '1')))],
    ['a device id that is no GUID', () => named([], deviceUri('../../users'))],
    ['an endless name', () => named([], upn(`${'a'.repeat(300)}@x.example`))],
  ] as const)
    test(`${title}: unclear`, () => assert.equal(found().kind, 'unclear'))

  test('the same user twice is one', () => {
    assert.deepEqual(named([], upn('a@x.example'), upn('A@X.example')), user('a@x.example'))
  })
})
