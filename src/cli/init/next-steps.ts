import { relative } from 'node:path'
import { type Answers, listFeatures, needsIntune } from './questions.ts'

/**
 * What remains to be done, in its order. Names permissions and URLs as the portals ask for them.
 *
 * @param written files that were written, the configuration last
 */
export function describeNextSteps(
  answers: Answers,
  written: readonly string[],
  cwd: string,
): string {
  const shown = written.map((path) => relative(cwd, path) || path)
  const config = shown.at(-1) ?? ''
  const option = config === 'connector.yaml' ? '' : ` --config ${config}`
  const steps = [
    ...(shown.some((path) => path.endsWith('passphrase'))
      ? [
          [
            'Copy the passphrase to a safe place now: nothing under dataDir can be opened without it.',
          ],
        ]
      : []),
    ...(needsIntune(answers) ? [describeRegistration(answers)] : []),
    [`Try it: certconnector check-config --online${option}`],
    [
      `Make the CA, then start: certconnector ca init${option}; certconnector serve${option}`,
      'The account of the service must own these files and dataDir.',
    ],
    ...(listFeatures(answers).includes('pkcs')
      ? [['Replace the template in pkcs.templates by what the profiles of the service name.']]
      : []),
    ...(listFeatures(answers).includes('pkcsImport')
      ? [[`Add the keys of imported PFX: certconnector keyring add <key-name>${option}`]]
      : []),
    ...(needsIntune(answers) || answers.get('challenge') === 'intune'
      ? [describeProfiles(answers, option)]
      : describeAddress(answers)),
  ]
  return [
    `Written, readable by you only: ${shown.join(', ')}`,
    '',
    'What to do next:',
    ...steps.map((lines, index) => `${index + 1}. ${lines.join('\n   ')}`),
    '',
    'docs/operations.md says all of it at length.',
    '',
  ].join('\n')
}

function describeRegistration(answers: Answers): string[] {
  const { credential, clientCertificateFile } = Object.fromEntries(answers)
  return [
    `Entra ID, app registration ${answers.get('clientId')} of ${answers.get('tenant')}: API permissions, application permissions`,
    '  Intune: scep_challenge_provider',
    '  Microsoft Graph: Application.Read.All',
    'and grant admin consent. Only where a profile gets sid: verified, of Microsoft Graph also User.Read.All for users,',
    'Device.Read.All and DeviceManagementManagedDevices.Read.All for devices.',
    ...(credential === 'certificate'
      ? [`Upload ${clientCertificateFile} under Certificates & secrets.`]
      : []),
  ]
}

function describeProfiles(answers: Answers, option: string): string[] {
  const base = baseOf(answers)
  return [
    'Intune, for the same groups:',
    `  trusted certificate profile: the file of certconnector ca export root --der${option} > root.cer`,
    `    (the issuing CA, where a platform wants it too: ${base}/aia/default.cer)`,
    ...(answers.get('challenge') === 'intune'
      ? [`  SCEP certificate profile, server URL: ${base}/certsrv/mscep/mscep.dll`]
      : []),
  ]
}

function describeAddress(answers: Answers): string[][] {
  if (!answers.has('challenge')) return []
  const how =
    answers.get('challenge') === 'static'
      ? 'with the challenge of secrets/static-challenge, or of the file that you named'
      : 'with a challenge of: certconnector challenge --profile default'
  return [[`Devices enrol at ${baseOf(answers)}/scep/default, ${how}`]]
}

function baseOf(answers: Answers): string {
  return (answers.get('publicUrl') ?? '').replace(/\/+$/, '')
}
