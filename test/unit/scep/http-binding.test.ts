import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { ConnectorError } from '../../../src/kernel/index.ts'
import { parseHttpRequest } from '../../../src/scep/index.ts'

// Every value of an octet, so that + and / are in its base64.
const message = Uint8Array.from({ length: 256 }, (_, i) => (i === 0 ? 0x30 : 255 - i))
const base64 = Buffer.from(message).toString('base64')
const empty = new Uint8Array()
const path = '/certsrv/mscep/mscep.dll'

function getMessage(text: string): Uint8Array | undefined {
  return parseHttpRequest('GET', `${path}?operation=PKIOperation&message=${text}`, empty).messageDer
}

suite('parseHttpRequest', () => {
  const encodings: [string, string][] = [
    ['everything escaped', encodeURIComponent(base64)],
    ['+ and / left alone (iOS, macOS)', base64],
    ['= left out', base64.replaceAll('=', '')],
    ['spaces for +', base64.replaceAll('+', ' ')],
    ['escaped spaces for +', base64.replaceAll('+', '%20')],
    ['escaped line feeds every 64 characters (Cisco)', base64.replaceAll(/.{64}/g, '$&%0A')],
    ['escaped CR LF', base64.replaceAll(/.{64}/g, '$&%0D%0A')],
    ['escaped tabs', base64.replaceAll(/.{64}/g, '$&%09')],
    ['escaped twice', encodeURIComponent(encodeURIComponent(base64))],
    ['base64url', Buffer.from(message).toString('base64url')],
    ['lower-case escapes', encodeURIComponent(base64).replaceAll(/%../g, (at) => at.toLowerCase())],
  ]
  for (const [title, text] of encodings) {
    test(`REQ-54, REQ-55, REQ-56, REQ-57, REQ-58: a message by GET with ${title} is read`, () => {
      assert.deepEqual(getMessage(text), message)
    })
  }

  const broken: [string, string][] = [
    ['nothing', ''],
    ['other characters', `${base64}*`],
    ['a digit too many', `${base64.replaceAll('=', '')}AAA`],
    ['padding inside', `${base64.slice(0, 8)}=${base64.slice(8)}`],
    ['only padding', '=='],
    ['a broken escape', `%zz${base64}`],
  ]
  for (const [title, text] of broken) {
    test(`REQ-58, REQ-64: a message by GET with ${title} is malformed`, () => {
      assert.throws(
        () => getMessage(text),
        (error) => error instanceof ConnectorError && error.code === 'scep/malformed',
      )
    })
  }

  test('PKIOperation by GET without message is malformed', () => {
    assert.throws(
      () => parseHttpRequest('GET', `${path}?operation=PKIOperation`, empty),
      (error) => error instanceof ConnectorError && error.code === 'scep/malformed',
    )
  })

  test('REQ-5, REQ-53: a body is taken as it is, with or without operation', () => {
    for (const query of ['', '?', '?operation=PKIOperation', '?OPERATION=pkioperation']) {
      const request = parseHttpRequest('POST', path + query, message)
      assert.equal(request.operation, 'PKIOperation')
      assert.deepEqual(request.messageDer, message)
    }
  })

  test('REQ-21: a body of base64 text with line breaks is decoded', () => {
    const text = Buffer.concat([Uint8Array.of(0x30, 0x82), message])
    const body = Buffer.from(text.toString('base64').replaceAll(/.{60}/g, '$&\r\n'))
    assert.equal(body[0], 0x4d)
    assert.deepEqual(parseHttpRequest('POST', path, body).messageDer, new Uint8Array(text))
  })

  test('an empty body is malformed', () => {
    assert.throws(
      () => parseHttpRequest('POST', path, empty),
      (error) => error instanceof ConnectorError && error.code === 'scep/malformed',
    )
  })

  test('REQ-4: operations are compared without regard to letter case', () => {
    const operationOf = (text: string) =>
      parseHttpRequest('GET', `${path}?operation=${text}`, empty).operation
    assert.equal(operationOf('getcacaps'), 'GetCACaps')
    assert.equal(operationOf('GETCACERT'), 'GetCACert')
    assert.equal(operationOf('GetCACertChain'), 'GetCACertChain')
    assert.equal(operationOf('getNextCACert'), 'GetNextCACert')
  })

  test('REQ-6, REQ-7: a missing and an unknown operation can be told apart', () => {
    const missing = parseHttpRequest('GET', path, empty)
    assert.deepEqual([missing.operation, missing.operationText], [undefined, undefined])
    const unknown = parseHttpRequest('GET', `${path}?operation=NDESGenerateChallenge`, empty)
    assert.deepEqual(
      [unknown.operation, unknown.operationText],
      [undefined, 'NDESGenerateChallenge'],
    )
  })

  test('REQ-9: the CA identifier is decoded as a form would be', () => {
    const identifierOf = (query: string) =>
      parseHttpRequest('GET', `${path}?operation=GetCACert${query}`, empty).caIdentifier
    assert.equal(identifierOf('&message=SCEP%20Authority'), 'SCEP Authority')
    assert.equal(identifierOf('&message=SCEP+Authority'), 'SCEP Authority')
    assert.equal(identifierOf('&message='), '')
    assert.equal(identifierOf(''), undefined)
    assert.equal(identifierOf('&message=%ff'), '\ufffd')
  })

  test('REQ-10: other parameters are kept wherever they stand, the first of equal ones', () => {
    const { urlParams, messageDer } = parseHttpRequest(
      'GET',
      `${path}?site=a%2Bb+c&operation=PKIOperation&message=${base64}&x=1&x=2&flag&__proto__=p`,
      empty,
    )
    assert.deepEqual(messageDer, message)
    assert.deepEqual(
      [...urlParams],
      [
        ['site', 'a+b c'],
        ['x', '1'],
        ['flag', ''],
        ['__proto__', 'p'],
      ],
    )
  })

  test('REQ-11: a second question mark separates parameters', () => {
    const { operation, urlParams } = parseHttpRequest(
      'GET',
      '/scep/x?a=1?operation=GetCACaps',
      empty,
    )
    assert.equal(operation, 'GetCACaps')
    assert.equal(urlParams.get('a'), '1')
  })

  test('REQ-12: the absolute form of a target is reduced to its path', () => {
    const absolute = parseHttpRequest('GET', 'http://host:80/scep?operation=GetCACaps', empty)
    assert.deepEqual([absolute.path, absolute.operation], ['/scep', 'GetCACaps'])
    assert.equal(parseHttpRequest('GET', 'http://host', empty).path, '/')
    assert.equal(parseHttpRequest('GET', 'http://host?operation=GetCACaps', empty).path, '/')
  })

  test('more than 64 parameters are refused', () => {
    assert.throws(
      () => parseHttpRequest('GET', `${path}?${'a=1&'.repeat(65)}`, empty),
      (error) => error instanceof ConnectorError && error.code === 'scep/malformed',
    )
  })
})
