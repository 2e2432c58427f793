import { isIPv6 } from 'node:net'
import type { Command } from 'commander'
import { describeError } from '../kernel/index.ts'
import { findConfiguration } from './configuration.ts'
import { CommandEnd, EXIT } from './failure.ts'

const ANSWER_MS = 5000

/** What `/api/status` of the admin listener says; times are texts on their way. */
interface AdminStatus {
  readonly name: string
  readonly version: string
  readonly startedAt: string
  readonly checks: readonly {
    readonly name: string
    readonly status: string
    readonly reason: string
  }[]
  readonly queues: readonly {
    readonly name: string
    readonly isOn: boolean
    readonly lastDownload?: { readonly at: string; readonly problem?: string }
    readonly received: number
    readonly running: number
    readonly finished: number
    readonly returned: number
  }[]
  readonly openService?: {
    readonly url: string
    readonly state: string
    readonly connectorId?: string
    readonly enrolledAt?: string
    readonly lastContactAt?: string
    readonly certificateNotAfter?: string
    readonly features: readonly string[]
    readonly isPaused: boolean
    readonly unsentIntervals: number
    readonly support?: {
      readonly status: string
      readonly latest: string
      readonly supportEndsAt?: string
      readonly worksUntil?: string
    }
  }
}

/** `certconnector status`: what the list of connectors in a portal would show of this one, and why it is not well. */
export function addStatusCommand(program: Command): void {
  program
    .command('status')
    .description('what the connector that runs here is, and how the connector service sees it')
    .option('--json', 'as the admin listener tells it')
    .action(async (options: { json?: boolean }, self: Command) => {
      const { admin } = findConfiguration(self).configuration.listeners
      const host = isWildcard(admin.host) ? '127.0.0.1' : admin.host
      const status = await loadStatus(
        `http://${isIPv6(host) ? `[${host}]` : host}:${admin.port}/api/status`,
      )
      process.stdout.write(
        options.json === true ? `${JSON.stringify(status, undefined, 2)}\n` : describe(status),
      )
    })
}

/** @throws CommandEnd with exit code 1 when no connector answers; that has been told */
async function loadStatus(url: string): Promise<AdminStatus> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS) })
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`)
    return (await answer.json()) as AdminStatus
  } catch (cause) {
    process.stderr.write(
      `certconnector: no connector answers at ${url}; start it with certconnector serve, or give its configuration with --config (${describeError(cause)})\n`,
    )
    throw new CommandEnd(EXIT.failed)
  }
}

function describe({ name, version, startedAt, checks, queues, openService }: AdminStatus): string {
  const failed = checks.filter(({ status }) => status === 'failed')
  const lines: (readonly [string, string])[] = [
    ['name', name],
    ['version', version],
    ['running since', startedAt],
    ['ready', failed.length === 0 ? 'yes' : 'no'],
    ...checks
      .filter(({ status }) => status !== 'ok')
      .map((check) => [`  ${check.name}`, `${check.status}: ${check.reason}`] as const),
  ]
  lines.push(
    ['work queues', queues.some(({ isOn }) => isOn) ? '' : 'none is on'],
    ...queues.map((queue) => [`  ${queue.name}`, describeQueue(queue)] as const),
  )
  if (openService === undefined) lines.push(['connector service', 'none is configured'])
  else
    lines.push(
      ['connector service', openService.url],
      ['  state', openService.isPaused ? `${openService.state}, paused` : openService.state],
      ['  connector id', openService.connectorId ?? 'not enrolled'],
      ['  enrolled', openService.enrolledAt ?? 'never'],
      ['  last contact', openService.lastContactAt ?? 'none since the start'],
      ['  certificate ends', openService.certificateNotAfter ?? 'there is none'],
      ['  features', openService.features.join(', ')],
      ['  health unsent', `${openService.unsentIntervals} intervals`],
      ['  support', describeSupport(openService.support)],
    )
  return `${lines.map(([label, text]) => `${label.padEnd(20)}${label.length < 20 ? '' : ' '}${text}`.trimEnd()).join('\n')}\n`
}

function describeQueue(queue: AdminStatus['queues'][number]): string {
  const { isOn, lastDownload, received, running, finished, returned } = queue
  if (!isOn) return 'off'
  const seen = lastDownload === undefined ? 'nothing downloaded yet' : `asked at ${lastDownload.at}`
  const problem =
    lastDownload?.problem === undefined ? '' : `, which failed: ${lastDownload.problem}`
  return `${received} to carry out (${running} now), ${finished} to upload, ${returned} to come again; ${seen}${problem}`
}

function describeSupport(support: NonNullable<AdminStatus['openService']>['support']): string {
  if (support === undefined) return 'unknown: no signed list of releases'
  const { status, latest, supportEndsAt, worksUntil } = support
  const until = supportEndsAt === undefined ? '' : `, support ends ${supportEndsAt.slice(0, 10)}`
  const end = worksUntil === undefined ? '' : `, may stop on ${worksUntil.slice(0, 10)}`
  return `${status}; newest version ${latest}${until}${end}`
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}
