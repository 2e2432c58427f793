import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Secret } from '../../../../src/kernel/index.ts'
import {
  CLOUDS,
  createIntune,
  type IntuneOptions,
  parseMicrosoftSettings,
} from '../../../../src/management/index.ts'
import { CLIENT_ID, PROVIDER, TENANT } from './fixture.ts'

const REQUIRED = {
  TENANT,
  AAD_APP_ID: CLIENT_ID,
  AAD_APP_KEY: 'MARKED-key',
  PROVIDER_NAME_AND_VERSION: PROVIDER,
}

const OPTIONS: IntuneOptions = {
  tenant: TENANT,
  clientId: CLIENT_ID,
  credential: { secret: new Secret('MARKED') },
  provider: PROVIDER,
}

for (const key of Object.keys(REQUIRED)) {
  for (const value of [undefined, null, '', '  ']) {
    test(`check 17: ${key} as ${JSON.stringify(value)} is an error`, () => {
      assert.throws(() => parseMicrosoftSettings({ ...REQUIRED, [key]: value }), {
        code: 'management/misconfigured',
        message: `${key} is missing or blank`,
      })
    })
  }
}

test('check 17: the optional keys may be null or missing, and Microsoft defaults then hold', () => {
  const blank = {
    ScepRequestValidationFEServiceVersion: null,
    INTUNE_APP_ID: undefined,
    INTUNE_RESOURCE_URL: null,
    MS_GRAPH_API_VERSION: '',
    MSAL_GRAPH_RESOURCE_URL: null,
    AUTH_AUTHORITY: null,
  }
  for (const record of [REQUIRED, { ...REQUIRED, ...blank }]) {
    const { options, ignored } = parseMicrosoftSettings(record)
    assert.deepEqual(options.cloud, CLOUDS.global)
    assert.equal(options.tenant, TENANT)
    assert.equal(options.clientId, CLIENT_ID)
    assert.equal('secret' in options.credential && options.credential.secret.reveal(), 'MARKED-key')
    assert.equal('intuneAppId' in options || 'proxy' in options, false)
    assert.deepEqual(ignored, [])
  }
})

for (const key of ['MSAL_GRAPH_RESOURCE_URL', 'MS_GRAPH_RESOURCE_URL']) {
  test(`the Graph base is accepted as ${key}`, () => {
    const url = 'https://graph.microsoft.us/'
    const { options } = parseMicrosoftSettings({ ...REQUIRED, [key]: url })
    assert.equal(typeof options.cloud === 'object' && options.cloud.graphUrl, url)
  })
}

for (const [csharp, java] of [
  ['AAD_GRAPH_RESOURCE_URL', 'GRAPH_RESOURCE_URL'],
  ['AAD_GRAPH_API_VERSION', 'GRAPH_API_VERSION'],
] as const) {
  test(`${csharp} and ${java} are accepted and reported as without effect`, () => {
    for (const key of [csharp, java]) {
      const { ignored } = parseMicrosoftSettings({ ...REQUIRED, [key]: '1.6' })
      assert.deepEqual(ignored, [csharp])
    }
  })
}

test('two spellings that disagree are an error, two that agree are not', () => {
  const one = { ...REQUIRED, GRAPH_API_VERSION: '1.6' }
  assert.doesNotThrow(() => parseMicrosoftSettings({ ...one, AAD_GRAPH_API_VERSION: '1.6' }))
  assert.throws(() => parseMicrosoftSettings({ ...one, AAD_GRAPH_API_VERSION: '1.5' }), {
    code: 'management/misconfigured',
    message: /AAD_GRAPH_API_VERSION and GRAPH_API_VERSION/,
  })
})

test('versions, app id, authority and proxy are taken over', () => {
  const { options } = parseMicrosoftSettings({
    ...REQUIRED,
    AUTH_AUTHORITY: 'https://login.microsoftonline.us/',
    INTUNE_RESOURCE_URL: 'https://api.manage.microsoft.us/',
    INTUNE_APP_ID: 'c161e42e-d4df-4a3d-9b42-e7a3c31f59d4',
    MS_GRAPH_API_VERSION: 'beta',
    ScepRequestValidationFEServiceVersion: '5019-05-05',
    PROXY_HOST: 'proxy.example',
    PROXY_PORT: '3128',
    PROXY_USER: 'u',
    PROXY_PASS: 'p',
  })
  assert.deepEqual(options.cloud, {
    authorityUrl: 'https://login.microsoftonline.us/',
    graphUrl: 'https://graph.microsoft.com/',
    intuneResourceUrl: 'https://api.manage.microsoft.us/',
  })
  assert.equal(options.intuneAppId, 'c161e42e-d4df-4a3d-9b42-e7a3c31f59d4')
  assert.equal(options.graphVersion, 'beta')
  assert.equal(options.scepApiVersion, '5019-05-05')
  assert.equal(options.proxy?.url, 'http://proxy.example:3128')
  assert.equal(options.proxy?.username, 'u')
  assert.equal(options.proxy?.password?.reveal(), 'p')
})

test('an unknown key and a bad value are reported together, without the key', () => {
  const record = { ...REQUIRED, AAD_APP_IDD: 'x', PROXY_PORT: 'many' }
  assert.throws(
    () => parseMicrosoftSettings(record),
    ({ message }: Error) =>
      /AAD_APP_IDD/.test(message) && /PROXY_PORT/.test(message) && !/MARKED/.test(message),
  )
})

for (const [field, wrong] of [
  ['tenant', { tenant: 'a/../b' }],
  ['clientId', { clientId: 'my-app' }],
  ['provider', { provider: 'naïve\r\nX: y' }],
  ['graphVersion', { graphVersion: '1.0/../' }],
  ['scepApiVersion', { scepApiVersion: 'a\nb' }],
  ['intuneAppId', { intuneAppId: 'x' }],
  ['credential.secret', { credential: { secret: new Secret('') } }],
  ['credential.certificatePem', { credential: { certificatePem: '', privateKey: new Secret('') } }],
  ['graphUrl', { cloud: { ...CLOUDS.global, graphUrl: 'http://graph.example/' } }],
  ['authorityUrl', { cloud: { ...CLOUDS.global, authorityUrl: 'https://login.example/x/' } }],
  ['intuneResourceUrl', { cloud: { ...CLOUDS.global, intuneResourceUrl: 'nonsense' } }],
  ['proxy.url', { proxy: { url: 'socks5://proxy.example' } }],
  ['proxy.url', { proxy: { url: 'http://u:MARKED@proxy.example' } }],
] as const) {
  test(`${field} is checked before anything runs (${JSON.stringify(Object.values(wrong)[0]).slice(0, 50)})`, () => {
    assert.throws(
      () => createIntune({ ...OPTIONS, ...wrong }),
      (thrown: Error & { code?: string }) =>
        thrown.code === 'management/misconfigured' &&
        thrown.message.includes(field) &&
        !thrown.message.includes('MARKED'),
    )
  })
}

test('all wrong options stand in one message', () => {
  assert.throws(() => createIntune({ ...OPTIONS, tenant: '', clientId: '', graphVersion: '' }), {
    message: /tenant.*clientId.*graphVersion/,
  })
})

test('the presets of the national clouds are https and end in a slash', () => {
  for (const urls of Object.values(CLOUDS)) {
    for (const url of Object.values(urls)) assert.match(url, /^https:\/\/[a-z.-]+\/$/)
  }
  assert.equal(CLOUDS['us-dod'].graphUrl, 'https://dod-graph.microsoft.us/')
})
