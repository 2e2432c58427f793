import { type Html, type HtmlValue, html } from './html.ts'
import type {
  ConnectorStatus,
  OpenServiceStatus,
  QueueStatus,
  ReadinessCheck,
  SupportFigures,
} from './status.ts'

/** The page of the admin listener: what an operator asks first, on one screen. Pure. */
export function encodeStatusPage(
  status: ConnectorStatus,
  checks: readonly ReadinessCheck[],
  now: Date,
): string {
  const isReady = checks.every((check) => check.status !== 'failed')
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="15">
<title>${status.name}: ${isReady ? 'ready' : 'not ready'}</title>
<link rel="stylesheet" href="/status.css">
</head>
<body>
<h1>${status.name} <span class="${isReady ? 'ok' : 'failed'}">${isReady ? 'ready' : 'not ready'}</span></h1>
<p>Version ${status.version}, running for ${describeAge(status.startedAt, now)}. Times are UTC; this page is of ${formatTime(now)} and loads itself anew.</p>
${section(
  'Checks',
  ['Check', 'Status', 'Reason', 'Age'],
  checks.map((check) => [
    check.name,
    html`<span class="${check.status}">${check.status}</span>`,
    html`<span class="long">${check.reason}</span>`,
    describeAge(check.checkedAt, now),
  ]),
)}
${section(
  'Work queues',
  [
    'Queue',
    'State',
    'Last download',
    'To carry out',
    'Results to upload',
    'To come again',
    'Oldest',
    'Results',
  ],
  status.queues.map((queue) => describeQueue(queue, now)),
)}
${status.openService === undefined ? '' : describeService(status.openService, now)}
${section(
  'Recent requests',
  ['Time', 'Profile', 'Subject', 'Outcome', 'Serial number', 'Transaction'],
  status.recent.map((request) => [
    html`<time>${formatTime(request.at)}</time>`,
    request.profile,
    html`<span class="long">${request.subject}</span>`,
    html`<span class="${classOf(request.outcome)}">${request.outcome}</span>`,
    html`<code>${request.serialHex ?? ''}</code>`,
    html`<code>${request.transactionId}</code>`,
  ]),
)}
${section(
  'SCEP profiles',
  ['Profile', 'URL', 'CA', 'Challenges'],
  status.profiles.map((profile) => [
    profile.name,
    html`<code>${profile.url}</code>`,
    profile.ca,
    profile.validator,
  ]),
)}
${section(
  'Certificates of the connector',
  ['Kind', 'Name', 'Ends', 'Left'],
  status.certificates.map((item) => [
    item.kind === 'agent' ? 'connector' : item.kind.toUpperCase(),
    item.name,
    formatTime(item.notAfter),
    describeAge(now, item.notAfter),
  ]),
)}
${section(
  'Notifications owed to Intune',
  ['Due', 'Waiting for the service', 'Given up', 'Oldest'],
  [
    [
      status.outbox.depth['due'] ?? 0,
      status.outbox.depth['exhausted'] ?? 0,
      status.outbox.depth['failed'] ?? 0,
      status.outbox.oldestCreatedAt === undefined
        ? 'none'
        : describeAge(status.outbox.oldestCreatedAt, now),
    ],
  ],
)}
${section(
  'Worker threads',
  ['Ready', 'Busy', 'Waiting jobs', 'Lost'],
  [
    [
      `${status.workers.ready} of ${status.workers.size}`,
      status.workers.busy,
      `${status.workers.waiting} of ${status.workers.capacity}`,
      status.workers.restarts,
    ],
  ],
)}
</body>
</html>
`
  return page.toString()
}

function describeQueue(queue: QueueStatus, now: Date): readonly HtmlValue[] {
  const { name, isOn, lastDownload, received, running, finished, returned, oldestAt } = queue
  if (!isOn) return [name, 'off', '', '', '', '', '', '']
  const problem = lastDownload?.problem
  const outcomes = Object.entries(queue.outcomes).map(([outcome, count]) => `${outcome} ${count}`)
  return [
    name,
    problem === undefined
      ? html`<span class="ok">on</span>`
      : html`<span class="degraded">download failed</span> <span class="long">${problem}</span>`,
    lastDownload === undefined ? 'none yet' : `${describeAge(lastDownload.at, now)} ago`,
    running === 0 ? received : `${received}, ${running} of them now`,
    finished,
    returned,
    oldestAt === undefined ? 'none' : describeAge(oldestAt, now),
    outcomes.join(', '),
  ]
}

const SERVICE_CLASS = { none: 'failed', active: 'ok', inactive: 'degraded' } as const
const SUPPORT_CLASS = {
  supported: 'ok',
  deprecated: 'degraded',
  unsupported: 'failed',
  blocked: 'failed',
} as const

function describeService(service: OpenServiceStatus, now: Date): Html {
  const { url, state, isPaused, connectorId, lastContactAt, certificateNotAfter, support } = service
  const called = state === 'none' ? 'not enrolled' : state
  const contact =
    lastContactAt === undefined ? 'none since the start' : describeAge(lastContactAt, now)
  return section(
    'Connector service',
    [
      'URL',
      'State',
      'Connector',
      'Last contact',
      'Certificate',
      'Features',
      'Unsent health',
      'Support',
    ],
    [
      [
        html`<code>${url}</code>`,
        html`<span class="${SERVICE_CLASS[state]}">${called}</span>${isPaused ? ', paused' : ''}`,
        html`<code>${connectorId ?? ''}</code>`,
        contact,
        certificateNotAfter === undefined ? 'none' : describeAge(now, certificateNotAfter),
        service.features.join(', '),
        service.unsentIntervals,
        support === undefined
          ? 'unknown'
          : html`<span class="${SUPPORT_CLASS[support.status]}">${support.status}</span>, newest ${support.latest}${describeEnd(support)}`,
      ],
    ],
  )
}

function describeEnd({ supportEndsAt, worksUntil }: SupportFigures): string {
  const day = (at: Date): string => at.toISOString().slice(0, 10)
  const support = supportEndsAt === undefined ? '' : `, support ends ${day(supportEndsAt)}`
  return worksUntil === undefined ? support : `${support}, may stop on ${day(worksUntil)}`
}

/** The look of the page, a file of its own because the page's policy allows no inline style. */
export const statusStyle = `body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;color:#1b1b1b;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.1rem;margin:1.6rem 0 .4rem}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #ddd;vertical-align:top}
th{font-weight:600;background:#f5f5f5}code{font:13px ui-monospace,monospace}code,.long{overflow-wrap:anywhere}time{white-space:nowrap}
.ok{color:#116329}.degraded{color:#8a4b00}.failed{color:#b00020}
@media (prefers-color-scheme:dark){body{color:#e6e6e6;background:#161616}th{background:#222}th,td{border-color:#333}.ok{color:#56d364}.degraded{color:#e3b341}.failed{color:#ff7b72}}
`

function section(
  title: string,
  columns: readonly string[],
  rows: readonly (readonly HtmlValue[])[],
): Html {
  if (rows.length === 0) return html`<h2>${title}</h2>\n<p>None.</p>`
  return html`<h2>${title}</h2>
<table><thead><tr>${columns.map((column) => html`<th scope="col">${column}</th>`)}</tr></thead>
<tbody>${rows.map((row) => html`<tr>${row.map((cell) => html`<td>${cell}</td>`)}</tr>\n`)}</tbody></table>`
}

/** The states of the register: what ended well, what is under way, and what did not. */
function classOf(outcome: string): ReadinessCheck['status'] {
  if (outcome === 'issued') return 'ok'
  return outcome === 'reserved' ? 'degraded' : 'failed'
}

/** To the second, as logs can be searched for. */
function formatTime(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/, 'Z')
}

function describeAge(since: Date, now: Date): string {
  const seconds = Math.max(0, Math.round((now.getTime() - since.getTime()) / 1000))
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`
  if (seconds < 172_800) return `${Math.round(seconds / 3_600)} h`
  return `${Math.round(seconds / 86_400)} days`
}
