import assert from 'node:assert/strict'
import { test } from 'node:test'
import { matchScepPath } from '../../../src/scep/index.ts'

test('REQ-1, REQ-3: the paths of NDES and of other servers lead to the default profile, in any letter case', () => {
  const paths = [
    '/certsrv/mscep/mscep.dll',
    '/certsrv/mscep/mscep.dll/pkiclient.exe',
    '/CertSrv/mscep/MSCEP.DLL',
    '/certsrv/mscep',
    '/certsrv/mscep/',
    '/certsrv/mscep/pkiclient.exe',
    '/cgi-bin/pkiclient.exe',
    '/cgi-bin/pkiclient.exe/pkiclient.exe',
    '/scep',
    '/scep/',
    '/SCEP/PKIclient.exe',
    '//certsrv//mscep/mscep.dll',
  ]
  for (const path of paths) assert.deepEqual(matchScepPath(path), { profile: undefined }, path)
})

test('REQ-2: a profile is named by the segment behind /scep, whatever follows', () => {
  for (const path of ['/scep/Wi-Fi', '/scep/Wi-Fi/', '/Scep/Wi-Fi/pkiclient.exe/x/y/z/z/z/z']) {
    assert.deepEqual(matchScepPath(path), { profile: 'Wi-Fi' }, path)
  }
  assert.deepEqual(matchScepPath('/scep/a%20b'), { profile: 'a b' })
})

test('other paths are not ours', () => {
  const paths = [
    '/',
    '',
    '/certsrv',
    '/certsrv/mscep_admin',
    '/scepx',
    '/cgi-bin',
    '/cgi-bin/x',
    '/scep/%zz',
  ]
  for (const path of paths) assert.equal(matchScepPath(path), undefined, path)
})
