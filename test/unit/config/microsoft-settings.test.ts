import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expectOk, expectProblems, leastYaml, load } from './support.ts'

const withSettings = (settings: string) =>
  leastYaml.replace(
    /intune:\n( {2}.*\n)+/,
    `intune:\n  clientSecretFile: secrets/intune\n  microsoftSettings: ${settings}\n`,
  )
const least = 'TENANT: contoso.com, AAD_APP_ID: 11111111-2222-3333-4444-555555555555'

for (const spelling of ['MSAL_GRAPH_RESOURCE_URL', 'MS_GRAPH_RESOURCE_URL']) {
  test(`Microsoft's settings are taken over, with ${spelling}`, (context) => {
    const yaml = withSettings(
      `{ ${least}, PROVIDER_NAME_AND_VERSION: P 1, AUTH_AUTHORITY: "https://login.microsoftonline.us/", ${spelling}: "https://graph.microsoft.us/", ScepRequestValidationFEServiceVersion: 2019-01-01, PROXY_HOST: proxy, PROXY_PORT: 3128, PROXY_USER: u, INTUNE_APP_ID: "" }`,
    )
    const { intune, proxy } = expectOk(load(context, yaml).outcome)
    assert.equal(intune?.tenant, 'contoso.com')
    assert.equal(intune.providerName, 'P 1')
    assert.equal(intune.authorityUrl, 'https://login.microsoftonline.us')
    assert.equal(intune.graphUrl, 'https://graph.microsoft.us')
    assert.equal(intune.scepServiceVersion, '2019-01-01')
    assert.equal(intune.intuneAppId, '0000000a-0000-0000-c000-000000000000')
    assert.deepEqual([proxy?.url, proxy?.username], ['http://proxy:3128', 'u'])
  })
}

test('settings without effect are a warning', (context) => {
  const { outcome } = load(context, withSettings(`{ ${least}, GRAPH_API_VERSION: "1.6" }`))
  expectOk(outcome)
  assert.deepEqual(outcome.kind === 'ok' && outcome.warnings.map((warning) => warning.path), [
    'intune.microsoftSettings.GRAPH_API_VERSION',
  ])
})

test('a secret among them is refused in the file and accepted from the environment', (context) => {
  const problems = expectProblems(
    load(context, withSettings(`{ ${least}, AAD_APP_KEY: MARKED }`)).outcome,
  )
  assert.deepEqual(
    problems.map((problem) => problem.path),
    ['intune.microsoftSettings.AAD_APP_KEY'],
  )
  assert.ok(!JSON.stringify(problems).includes('MARKED'))

  const yaml = leastYaml.replace(/intune:\n( {2}.*\n)+/, '')
  const settings = {
    TENANT: 'contoso.com',
    AAD_APP_ID: '11111111-2222-3333-4444-555555555555',
    AAD_APP_KEY: 'MARKED',
  }
  const env = { CONNECTOR_INTUNE_MICROSOFT_SETTINGS: JSON.stringify(settings) }
  const configuration = expectOk(load(context, yaml, env).outcome)
  assert.equal(configuration.intune?.clientSecret?.reveal(), 'MARKED')
  assert.ok(!JSON.stringify(configuration).includes('MARKED'))
})

for (const [title, settings, path] of [
  [
    'two spellings that differ',
    `${least}, MS_GRAPH_RESOURCE_URL: "https://a", MSAL_GRAPH_RESOURCE_URL: "https://b"`,
    'MSAL_GRAPH_RESOURCE_URL',
  ],
  ['a setting that is none', `${least}, TENNANT: x`, 'TENNANT'],
] as const) {
  test(`${title} is a problem`, (context) => {
    const problems = expectProblems(load(context, withSettings(`{ ${settings} }`)).outcome)
    assert.deepEqual(
      problems.map((problem) => problem.path),
      [`intune.microsoftSettings.${path}`],
    )
  })
}

test('a setting that says something else than our key is a problem', (context) => {
  const yaml = leastYaml.replace(
    '  tenant:',
    '  microsoftSettings: { TENANT: other.com }\n  tenant:',
  )
  const problems = expectProblems(load(context, yaml).outcome)
  assert.deepEqual(
    problems.map((problem) => problem.path),
    ['intune.microsoftSettings.TENANT'],
  )
})
