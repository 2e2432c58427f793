import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { get } from 'node:http'
import { after, before, suite, test } from 'node:test'
import type { Configuration } from '../../src/config/index.ts'
import { Secret } from '../../src/kernel/index.ts'
import { encodePageUser } from '../../src/management/index.ts'
import { runCommand } from '../cli/command-run.ts'
import { createInsistentDevice } from '../support/insistent-device.ts'
import { startTestConnector, type TestConnector } from '../support/running-connector.ts'

/** As programs that read the page of NDES look for it. */
const THUMBPRINT = /The thumbprint \(hash value\) for the CA certificate is: <B> ([0-9A-F ]*) <\/B>/
const PASSWORD = /The enrollment challenge password is: <B> (\S*)/

const user = { name: 'CONTOSO\\jamf', password: 'a password of the page' }
const guest = { name: 'guest', password: 'another password' }
const token = 'token-'.repeat(8)

let users: Secret

function withOneTime(configuration: Configuration): Configuration {
  const { admin } = configuration.listeners
  return {
    ...configuration,
    listeners: {
      ...configuration.listeners,
      admin: { ...admin, apiToken: new Secret(token) },
    },
    profiles: configuration.profiles.flatMap((profile) => {
      if (profile.name !== 'static') return [profile]
      const ndes = { ...profile.ndes, adminPage: true, landing: 'page' as const, users }
      return [
        { ...profile, ndes },
        {
          ...profile,
          name: 'jamf',
          challenge: { kind: 'one-time', validityMinutes: 60, length: 16, passwordMax: 2 },
          ndes: { ...ndes, allowedUsers: [user.name] },
        } as const,
      ]
    }),
  }
}

interface Page {
  readonly status: number
  readonly type: string | undefined
  readonly body: Buffer
  readonly text: string
}

async function readPage(url: string, who?: typeof user): Promise<Page> {
  const headers = who === undefined ? {} : { authorization: basic(who) }
  return await new Promise((resolve, reject) => {
    get(url, { headers }, (res) => {
      const chunks: Buffer[] = []
      res.on('data', (chunk: Buffer) => chunks.push(chunk))
      res.on('end', () => {
        const body = Buffer.concat(chunks)
        const type = res.headers['content-type']
        const text = body.toString(type === 'text/html' ? 'utf16le' : 'utf8')
        resolve({ status: res.statusCode ?? 0, type, body, text })
      })
    }).on('error', reject)
  })
}

const basic = ({ name, password }: typeof user) =>
  `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`

suite('one-time challenges over HTTP', () => {
  let running: TestConnector
  before(async () => {
    const lines = [user, guest].map(({ name, password }) =>
      encodePageUser(name, new Secret(password)),
    )
    users = new Secret((await Promise.all(lines)).join('\n'))
    running = await startTestConnector(withOneTime)
  })
  after(async () => await running.remove())

  const jamf = () => running.scepUrl('jamf')
  const pageUrl = (profile = 'jamf') => `${running.scepUrl(profile)}/mscep_admin/`

  async function ask(bearer = token, profile = 'jamf', method = 'POST') {
    return await fetch(`${running.connector.adminUrl}/api/profiles/${profile}/challenges`, {
      method,
      headers: { authorization: `Bearer ${bearer}` },
    })
  }

  async function makeChallenge(): Promise<string> {
    const answer = await ask()
    assert.equal(answer.status, 201)
    return ((await answer.json()) as { challenge: string }).challenge
  }

  async function device(challenge: string) {
    const made = await createInsistentDevice(jamf(), challenge)
    return { made, send: async () => await made.send(jamf()) }
  }

  test('REQ-155, REQ-156, REQ-157, REQ-158: the page gives a password to a scraper, which enrols; then its cache is full', async () => {
    const page = await readPage(pageUrl(), user)
    assert.equal(page.status, 200)
    const published = await fetch(`${running.connector.deviceUrl}/aia/default.cer`)
    const issuing = Buffer.from(await published.arrayBuffer())
    const md5 = createHash('md5').update(issuing).digest('hex').toUpperCase()
    assert.equal(THUMBPRINT.exec(page.text)?.[1], (md5.match(/.{8}/g) ?? []).join(' '))
    assert.ok(page.text.search(THUMBPRINT) < page.text.search(PASSWORD))
    const password = PASSWORD.exec(page.text)?.[1] ?? ''
    assert.match(password, /^[0-9A-F]{16}$/)
    assert.match(page.text, /only once and will expire within 60 minutes/)
    const another = PASSWORD.exec((await readPage(pageUrl(), user)).text)?.[1]
    assert.notEqual(another, password)
    const full = await readPage(pageUrl(), user)
    assert.equal(full.status, 200)
    assert.ok(full.text.includes('The password cache is full.'))
    assert.doesNotMatch(full.text, PASSWORD)

    const { send } = await device(password)
    assert.equal((await send()).kind, 'issued')
    assert.match((await readPage(pageUrl(), user)).text, PASSWORD)
  })

  test('REQ-154: UTF-16LE without a mark and without a charset, UTF-8 where it is asked for', async () => {
    const page = await readPage(pageUrl(), guest)
    assert.equal(page.type, 'text/html')
    assert.deepEqual([...page.body.subarray(0, 4)], [0x3c, 0, 0x48, 0])
    const asked = await readPage(`${pageUrl()}?charset=utf8`, guest)
    assert.equal(asked.type, 'text/html; charset=utf-8')
    assert.equal(asked.body.toString('utf8'), page.text)
  })

  test('REQ-158: who may not is told so, who is nobody is asked for a password, and neither gets a challenge', async () => {
    const sentence = 'You do not have sufficient permission to enroll with SCEP.'
    const forbidden = await readPage(pageUrl(), guest)
    assert.equal(forbidden.status, 200)
    const strangers = [undefined, { ...user, password: 'wrong' }, { ...user, name: 'nobody' }]
    for (const stranger of strangers) {
      const page = await readPage(pageUrl(), stranger)
      assert.equal(page.status, 401)
      assert.ok(page.text.includes(sentence))
      assert.doesNotMatch(page.text, PASSWORD)
    }
    assert.ok(forbidden.text.includes(sentence))
    assert.doesNotMatch(forbidden.text, PASSWORD)
  })

  test('REQ-153: three spellings of the path; 404 for Intune, for profiles without the page and for the default one', async () => {
    const base = running.scepUrl('jamf')
    for (const path of ['mscep_admin', 'mscep_admin/', 'MSCEP_ADMIN/mscep.dll'])
      assert.equal((await readPage(`${base}/${path}`)).status, 401, path)
    for (const url of [
      `${running.scepUrl('default')}/mscep_admin`,
      `${running.scepUrl('legacy')}/mscep_admin/`,
      `${running.scepUrl('none')}/mscep_admin/mscep.dll`,
      // The default profile of the demonstration is Intune's.
      `${running.connector.deviceUrl}/certsrv/mscep_admin`,
      `${running.connector.deviceUrl}/certsrv/mscep_admin/`,
      `${running.connector.deviceUrl}/certsrv/mscep_admin/mscep.dll`,
    ])
      assert.equal((await readPage(url, user)).status, 404, url)
  })

  test('REQ-157: a static challenge is shown as one that does not expire', async () => {
    const { text } = await readPage(pageUrl('static'), user)
    assert.equal(PASSWORD.exec(text)?.[1], 'secret')
    assert.match(text, /can be used multiple times and will not expire/)
  })

  test('REQ-151: a browser gets the page where the profile has one, 403 elsewhere', async () => {
    const page = await readPage(running.scepUrl('static'))
    assert.equal(page.status, 200)
    assert.match(page.text, /<Title>Network Device Enrollment Service<\/Title>/)
    assert.equal(
      (await readPage(`${running.connector.deviceUrl}/certsrv/mscep/mscep.dll`)).status,
      403,
    )
  })

  test('REQ-138: one challenge, two requests at once: one certificate, and the same again for the one that got it', async () => {
    const challenge = await makeChallenge()
    const devices = await Promise.all([device(challenge), device(challenge)])
    const answers = await Promise.all(devices.map(async ({ send }) => await send()))
    assert.deepEqual(answers.map(({ kind }) => kind).sort(), ['issued', 'refused'])
    const again = await Promise.all(devices.map(async ({ send }) => await send()))
    assert.deepEqual(
      again.map(({ kind }) => kind),
      answers.map(({ kind }) => kind),
    )
    const certificateOf = (list: typeof again) => list.find(({ kind }) => kind === 'issued')
    assert.deepEqual(certificateOf(again), certificateOf(answers))
    const third = await device(challenge)
    const refused = await third.send()
    assert.equal(refused.kind, 'refused')
    assert.match(refused.kind === 'refused' ? (refused.text ?? '') : '', /ChallengeAlreadyUsed/)
  })

  test('REQ-138: a refusal by policy frees the challenge for a better request', async () => {
    const challenge = await makeChallenge()
    const bad = await createInsistentDevice(jamf(), challenge, '')
    assert.equal((await bad.send(jamf())).kind, 'refused')
    const { transactionId } = bad
    const validated = await running.events({ id: 4004, transactionId })
    assert.equal(validated.length, 1, 'its challenge was accepted')
    const { send } = await device(challenge)
    assert.equal((await send()).kind, 'issued')
    assert.equal((await bad.send(jamf())).kind, 'refused')
  })

  test('the API: 201 with a challenge; problems in JSON for a wrong token, an unknown profile, another method', async () => {
    const made = await ask()
    assert.equal(made.status, 201)
    assert.equal(made.headers.get('cache-control'), 'no-store')
    const { challenge, expiresAt } = (await made.json()) as Record<string, string>
    assert.match(challenge ?? '', /^[0-9A-F]{16}$/)
    assert.ok(Math.abs(Date.parse(expiresAt ?? '') - Date.now() - 3_600_000) < 60_000)
    for (const [answer, status] of [
      [await ask('wrong'), 401],
      [await ask(token, 'static'), 404],
      [await ask(token, 'none'), 404],
      [await ask(token, 'jamf', 'GET'), 405],
    ] as const) {
      assert.equal(answer.status, status)
      assert.equal(answer.headers.get('content-type'), 'application/problem+json')
      const problem = (await answer.json()) as Record<string, unknown>
      assert.equal(problem['status'], status)
      assert.ok(!JSON.stringify(problem).includes(token))
    }
  })

  test('REQ-138: what a restart finds is still good, and good once; the command knows which profiles it serves', async () => {
    const used = await makeChallenge()
    const first = await device(used)
    const issued = await first.send()
    assert.equal(issued.kind, 'issued')
    const unused = await makeChallenge()
    await running.stop()
    running = await startTestConnector(withOneTime, running.dataDir)
    assert.deepEqual(await first.send(), issued)
    assert.equal((await (await device(used)).send()).kind, 'refused')
    assert.equal((await (await device(unused)).send()).kind, 'issued')
    const end = await runCommand(
      ['--data-dir', running.dataDir, 'challenge', '--profile', 'static'],
      { cwd: running.dataDir },
    )
    assert.equal(end.code, 2)
    assert.match(end.err, /no profile static with challenge\.kind one-time/)
  })

  test('REQ-153: ten wrong passwords, and even the right one waits', async () => {
    for (let i = 0; i < 10; i += 1) await readPage(pageUrl(), { ...user, password: `wrong ${i}` })
    assert.equal((await readPage(pageUrl(), user)).status, 503)
    const events = await running.events({ id: 17 })
    const shown = JSON.stringify(events)
    assert.ok(events.length > 10)
    for (const secret of [user.password, 'wrong 1', token]) assert.ok(!shown.includes(secret))
  })
})
