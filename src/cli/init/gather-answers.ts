import { resolve } from 'node:path'
import { ConnectorError, Secret } from '../../kernel/index.ts'
import type { Asker } from './asker.ts'
import { type Answers, type Question, questions } from './questions.ts'

/** Everything that is needed, checked answer by answer. */
export interface Gathered {
  /** Left out: not needed. Paths are absolute. */
  readonly answers: Answers
  /** Secrets that were typed, by the name of the question. */
  readonly typed: ReadonlyMap<string, Secret>
}

/**
 * Takes what the options say, and asks for the rest where somebody can be asked.
 *
 * @param asker undefined: nobody; what has no fallback must be given then
 * @throws ConnectorError `config/invalid` all options that are missing, wrong or of no use
 */
export async function gatherAnswers(
  given: Answers,
  asker: Asker | undefined,
  cwd: string,
): Promise<Gathered> {
  const answers = new Map<string, string>()
  const typed = new Map<string, Secret>()
  const problems: string[] = []
  for (const question of questions) {
    const { name, flags } = question
    if (!question.isFor(answers)) continue
    const value = given.get(name)
    if (value !== undefined) {
      const answer = placeOf(value, question, cwd)
      const problem = question.check(answer)
      if (problem !== undefined) problems.push(`${flags}: ${problem}`)
      answers.set(name, answer)
    } else if (asker !== undefined && question.isQuiet !== true) {
      const answer = await askUntilRight(question, given, asker, cwd)
      if (answer instanceof Secret) typed.set(name, answer)
      else if (answer !== '') answers.set(name, answer)
    } else {
      const fallback = question.fallback?.(given)
      if (fallback === undefined) problems.push(`${flags} is missing: ${question.text}`)
      else if (fallback !== '') answers.set(name, fallback)
    }
  }
  problems.push(...listUseless(given, answers))
  if (problems.length === 0) return { answers, typed }
  throw new ConnectorError('config/invalid', problems.join('\n'))
}

/** Ends with an answer that is right; `''`: it is left out. */
async function askUntilRight(
  question: Question,
  given: Answers,
  asker: Asker,
  cwd: string,
): Promise<string | Secret> {
  const { text, secretFile } = question
  const fallback = question.fallback?.(given)
  const hint = fallback === undefined || fallback === '' ? '' : ` [${fallback}]`
  const typing = secretFile === undefined ? '' : '; Enter to type it now'
  for (;;) {
    const said = await asker.ask(`${text}${typing}${hint}: `)
    if (said === '' && secretFile !== undefined) {
      const secret = await asker.askHidden('It, without showing it: ')
      if (secret !== '') return new Secret(secret)
      asker.say('  nothing was typed\n')
    } else if (said === '' && fallback !== undefined) {
      return fallback
    } else {
      const answer = placeOf(said, question, cwd)
      const problem = said === '' ? 'it must be answered' : question.check(answer)
      if (problem === undefined) return answer
      asker.say(`  ${problem}\n`)
    }
  }
}

function placeOf(value: string, { isFile }: Question, cwd: string): string {
  return isFile === true ? resolve(cwd, value) : value
}

/** Whoever gives an option expects it to count. */
function listUseless(given: Answers, answers: Answers): string[] {
  return [...given.keys()]
    .filter((name) => !questions.some((one) => one.name === name && one.isFor(answers)))
    .map((name) => {
      const { flags = name } = questions.find((one) => one.name === name) ?? {}
      return `${flags}: of no use with the other answers; leave it out`
    })
}
