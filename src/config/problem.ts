/** Something that is wrong, or unwise, in a configuration. Holds no secret. */
export interface Problem {
  /** As `profiles[0].challenge.kind`; empty for the file as a whole. */
  readonly path: string
  /** The configuration file, where the value stands in one. */
  readonly file?: string
  /** Line in it, from 1; of the nearest key above where the key itself is missing. */
  readonly line?: number
  /** The environment variable, where the value comes from one. */
  readonly environment?: string
  /** The value found, for people; `nothing` where the key is missing. */
  readonly found: string
  readonly expected: string
  /** What to do. */
  readonly remedy: string
}

/** One line for people: `connector.yaml:12: listeners.device.port is "http": expected …; …`. */
export function formatProblem(problem: Problem): string {
  const place =
    problem.environment ??
    (problem.file === undefined ? '' : `${problem.file}${problem.line ? `:${problem.line}` : ''}`)
  const whole = problem.environment === undefined ? 'the configuration' : 'it'
  const what = problem.path === '' ? whole : problem.path
  return `${place === '' ? '' : `${place}: `}${what} is ${problem.found}; expected ${problem.expected}; ${problem.remedy}`
}

/** The path in the form of a problem. */
export function formatPath(path: readonly (string | number)[]): string {
  return path
    .map((step, index) =>
      typeof step === 'number' ? `[${step}]` : `${index === 0 ? '' : '.'}${step}`,
    )
    .join('')
}

/** A value for people: at most 80 characters, one line, never credentials of a URL. The caller keeps secrets away. */
export function formatFound(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'empty'
  const text = JSON.stringify(value) ?? typeof value
  const shown = text.replace(/\/\/[^\s/@"]*@/g, '//[not shown]@')
  return shown.length > 80 ? `${shown.slice(0, 79)}…` : shown
}
