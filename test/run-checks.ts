import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'

/**
 * `npm run check`: the scripts `check:…` of package.json, all at the same time. What one prints is shown whole when it ends;
 * the last line names those that failed, and makes the exit code 1.
 */
async function runChecks(): Promise<void> {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  const { scripts } = JSON.parse(text) as { readonly scripts: Readonly<Record<string, string>> }
  const checks = Object.entries(scripts).filter(([name]) => name.startsWith('check:'))
  if (checks.length === 0) throw new Error('package.json has no check:… scripts')
  const outcomes = await Promise.all(
    checks.map(async ([name, command]) => ({ name, isGood: await runCheck(name, command) })),
  )
  const failed = outcomes.filter(({ isGood }) => !isGood).map(({ name }) => name)
  if (failed.length === 0) return
  process.stderr.write(`\nfailed: ${failed.join(', ')}\n`)
  process.exitCode = 1
}

async function runCheck(name: string, command: string): Promise<boolean> {
  // npm has put the programs of the packages on the path.
  const child = spawn(command, { shell: true, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  const isGood = await new Promise<boolean>((resolve) => {
    child.once('error', (error) => {
      output += error.message
      resolve(false)
    })
    child.once('close', (code) => resolve(code === 0))
  })
  process.stdout.write(`> ${name}: ${command}\n${output.trimEnd()}\n`)
  return isGood
}

await runChecks()
