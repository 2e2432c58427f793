import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { renderFindings } from './linter-findings.ts'
import { chapters } from './requirements.ts'
import { remarks } from './verdicts.ts'

const root = join(import.meta.dirname, '../../..')

/** A test whose name begins with numbers of requirements. */
export interface Proof {
  readonly requirement: number
  /** Path from the root of the project. */
  readonly file: string
  /** The claim, without the numbers. */
  readonly claim: string
}

/**
 * The name of a test, or of a row that becomes one, is a literal that begins with its numbers: `REQ-90: …`,
 * `REQ-163, 164: …`. A skipped or planned test is no proof.
 */
const namePattern = /(\btest\.(?:skip|todo)\(\s*)?(['"`])(REQ-\d+(?:, (?:REQ-)?\d+)*): (.*?)\2/gs

/** Reads the names of all tests, and of the captured shapes of messages and replayed clients, each of which is a test. */
export function listProofs(): Proof[] {
  return readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
    .filter((name) =>
      /(?:\.(?:test|interop|suite)|scep-messages\/shapes|interop\/replayed\/[a-z-]+)\.ts$/.test(
        name,
      ),
    )
    .sort()
    .flatMap((name) => listProofsOf(join(root, 'test', name)))
}

function listProofsOf(file: string): Proof[] {
  const text = readFileSync(file, 'utf8')
  return [...text.matchAll(namePattern)].flatMap(([, skipped, , numbers = '', claim = '']) =>
    skipped === undefined
      ? [...numbers.matchAll(/\d+/g)].map(([number]) => ({
          requirement: Number(number),
          file: relative(root, file),
          claim: claim.replaceAll(/\s+/g, ' '),
        }))
      : [],
  )
}

/** docs/scep-conformance.md: every requirement, its verdict, and the tests that fail when it does not hold. */
export function renderConformance(proofs: readonly Proof[]): string {
  const all = chapters.flatMap(({ requirements }) => requirements)
  const count = (verdict: string) =>
    all.filter(([number]) => verdictOf(number).verdict === verdict).length
  return [
    '# Conformance to the SCEP specification, requirement by requirement',
    '',
    'Generated from the names of the tests by `npm run docs`; a test fails when this page is not what they say, or when a',
    'requirement has neither a test nor a reason. The numbers (REQ-…) are those of the project’s SCEP specification, which',
    'gathers RFC 8894 and what clients of NDES send and expect; the claims are shortened here. Run one test by its number:',
    '',
    '```sh',
    "npx node --test --test-name-pattern='REQ-147' 'test/**/*.test.ts'",
    '```',
    '',
    `Of ${all.length} requirements ${count('met')} are met, ${count('met in part')} in part, ${count('not met')} are not.`,
    '',
    ...chapters.flatMap(({ title, requirements }) => [
      `## ${title}`,
      '',
      '| REQ | Claim | Verdict | Tests |',
      '| --- | --- | --- | --- |',
      ...requirements.map(([number, claim]) => renderRow(number, claim, proofs)),
      '',
    ]),
    ...renderFindings(),
  ].join('\n')
}

function renderRow(number: number, claim: string, proofs: readonly Proof[]): string {
  const { verdict, remark } = verdictOf(number)
  const files = new Map<string, number>()
  for (const { requirement, file } of proofs)
    if (requirement === number) files.set(file, (files.get(file) ?? 0) + 1)
  const tests = [...files].map(([file, times]) => `\`${file}\`${times > 1 ? ` (${times})` : ''}`)
  const told = remark === '' ? verdict : `${verdict}: ${remark}`
  return `| ${number} | ${claim} | ${told} | ${tests.join(', ') || '–'} |`
}

/** What is said of a requirement. */
export function verdictOf(number: number) {
  return remarks[number] ?? ({ verdict: 'met', remark: '' } as const)
}
