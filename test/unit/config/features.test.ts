import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expectOk, expectProblems, leastYaml, load } from './support.ts'

const [withoutProfiles = ''] = leastYaml.split('\nprofiles:')
const [withoutIntune = ''] = leastYaml.split('\nintune:')
const ofService = 'management: { openService: { url: https://connectors.example.org } }'

test('SCEP is on by default and needs a profile', (context) => {
  const [problem, other] = expectProblems(load(context, withoutProfiles).outcome)
  assert.equal(other, undefined)
  assert.equal(problem?.path, 'profiles')
  assert.match(problem.remedy, /features\.scep/)
})

test('a connector service whose URL is wrong is one problem, and is not called missing', (context) => {
  const yaml = `${leastYaml}\nfeatures: { pkcsImport: true }\npfxImport: { deviceIssuersFile: ca.pem }\n${ofService.replace('https', 'http')}`
  const problems = expectProblems(load(context, yaml).outcome)
  assert.deepEqual(
    problems.map(({ path }) => path),
    ['management.openService.url'],
  )
})

test('without SCEP no profile is needed', (context) => {
  const yaml = `${withoutProfiles}\nfeatures: { scep: false, revocation: true }`
  const { features, profiles } = expectOk(load(context, yaml).outcome)
  assert.equal(features.scep, false)
  assert.deepEqual(profiles, [])
})

test('profiles may stay while SCEP is off, and do not ask for the section intune then', (context) => {
  const profiles = '\nprofiles: [{ name: default, challenge: { kind: intune } }]'
  const yaml = `${withoutIntune}\n${ofService}${profiles}\nfeatures: { revocation: true, scep: `
  const off = load(context, `${yaml}false }`).outcome
  assert.equal(expectOk(off).profiles.length, 1)
  const [problem] = expectProblems(load(context, `${yaml}true }`).outcome)
  assert.equal(problem?.path, 'intune')
})

test('a connector with nothing switched on is refused, and the features are named', (context) => {
  const [problem] = expectProblems(load(context, `${leastYaml}\nfeatures: { scep: false }`).outcome)
  assert.equal(problem?.path, 'features')
  assert.match(problem.remedy, /scep, revocation/)
})

test('profiles that are no list are one problem, not two', (context) => {
  const problems = expectProblems(load(context, `${withoutProfiles}\nprofiles: default`).outcome)
  assert.deepEqual(
    problems.map(({ path }) => path),
    ['profiles'],
  )
})
