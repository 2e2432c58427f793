import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { runOrThrow, runProgram } from './run-program.ts'

const source = join(import.meta.dirname, 'jscep')
/** Jars and classes stay here between runs; both are made anew when something is missing. */
const built = join(import.meta.dirname, '../../node_modules/.cache/interop-jscep')
const jars = join(built, 'lib')
const classes = join(built, 'classes')

/**
 * Fetches jscep's jars with Maven, unless they are there, and compiles the driver against them.
 *
 * @returns the version of jscep; undefined where Maven or Java is missing or the jars cannot be had
 */
export async function prepareJscep(): Promise<string | undefined> {
  mkdirSync(jars, { recursive: true })
  mkdirSync(classes, { recursive: true })
  try {
    if (findVersion() === undefined)
      await runOrThrow(
        'mvn',
        ['-q', '-B', '-f', source, 'dependency:copy-dependencies', `-DoutputDirectory=${jars}`],
        { timeoutMs: 300_000 },
      )
    await runOrThrow('javac', [
      ['-cp', `${jars}/*`, '-d', classes],
      join(source, 'JscepDriver.java'),
    ])
    return findVersion()
  } catch (error) {
    console.log(`jscep cannot be prepared: ${String(error).slice(0, 500)}`)
    return undefined
  }
}

function findVersion(): string | undefined {
  return readdirSync(jars)
    .map((name) => /^jscep-([\d.]+)\.jar$/.exec(name)?.[1])
    .find((version) => version !== undefined)
}

/** Runs one operation of the driver; the word, or words, that it prints. Rejects where jscep itself throws. */
export async function runJscep(operation: string, args: readonly string[]): Promise<string> {
  const end = await runProgram('java', [
    ['-cp', `${classes}:${jars}/*`, 'JscepDriver'],
    operation,
    ...args,
  ])
  if (end.status !== 0) throw new Error(`jscep ${operation}: ${end.stderr}`)
  return end.stdout.toString('utf8').trim()
}
