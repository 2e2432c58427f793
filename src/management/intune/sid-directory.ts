import { ConnectorError } from '../../kernel/index.ts'
import { waitUntil } from '../http/abort.ts'
import type { JsonObject } from '../http/json-object.ts'
import { createSingleFlight } from '../http/single-flight.ts'
import type { DirectorySubject, SidDirectory } from '../ports.ts'
import type { GraphQuery, ReadGraphObject } from './graph-object.ts'
import type { RunWithRetries } from './retry-policy.ts'
import type { IntuneSettings } from './settings.ts'

/** How long a SID serves; it changes when an account moves to another domain. */
const KNOWN_MS = 10 * 60_000
/** How long "none" serves: an account that was synchronised just now must not wait long. */
const NONE_MS = 60_000
const MAX_KEPT = 10_000
/** Look-ups at a time; each of them is up to three calls. */
const MAX_RUNNING = 100

const SID = /^S-1-(\d{1,15}-){1,14}\d{1,15}$/
const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

const USER_PERMISSION = 'User.Read.All'
const DEVICE_PERMISSION = 'Device.Read.All'
const MANAGED_DEVICE_PERMISSION = 'DeviceManagementManagedDevices.Read.All'

/**
 * Looks SIDs up in Entra ID through Microsoft Graph: property `onPremisesSecurityIdentifier` of users and devices, which
 * Entra Connect writes. Answers are kept for ten minutes, those without a SID for one; whoever asks for the same at the
 * same time shares one question; failures are not kept.
 *
 * @param lifetime aborts what runs when the client is closed
 * @see Microsoft Graph v1.0: user, device (alternate key `deviceId`), managedDevice (`azureADDeviceId`); REQ-127
 */
export function createSidDirectory(
  settings: IntuneSettings,
  read: ReadGraphObject,
  runWithRetries: RunWithRetries,
  lifetime: AbortSignal,
): SidDirectory {
  const { clock, budgetMs } = settings
  const kept = new Map<string, { readonly sid: string | undefined; readonly until: number }>()
  const share = createSingleFlight<string | undefined>()
  let running = 0

  async function lookUp(
    key: string,
    subject: DirectorySubject,
    activityId: string,
  ): Promise<string | undefined> {
    if (running >= MAX_RUNNING)
      throw new ConnectorError('management/unavailable', `${MAX_RUNNING} look-ups run already`, {
        isTransient: true,
        activityId,
      })
    running += 1
    try {
      const limit = AbortSignal.any([lifetime, AbortSignal.timeout(budgetMs)])
      const sid = await runWithRetries(() => askGraph(read, subject, activityId, limit), limit)
      keep(key, sid)
      return sid
    } finally {
      running -= 1
    }
  }

  function keep(key: string, sid: string | undefined): void {
    kept.delete(key)
    kept.set(key, {
      sid,
      until: clock.now().getTime() + (sid === undefined ? NONE_MS : KNOWN_MS),
    })
    const oldest = kept.keys().next()
    if (kept.size > MAX_KEPT && oldest.done !== true) kept.delete(oldest.value)
  }

  return {
    async findSid(subject, activityId, signal) {
      const key = keyOf(subject)
      const known = kept.get(key)
      if (known !== undefined && clock.now().getTime() < known.until) return known.sid
      return await waitUntil(
        share(key, () => lookUp(key, subject, activityId)),
        signal,
        'SID look-up',
      )
    },
  }
}

async function askGraph(
  read: ReadGraphObject,
  subject: DirectorySubject,
  activityId: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const ask = async (path: string, permission: string): Promise<JsonObject | undefined> => {
    const query: GraphQuery = { path, permission, activityId }
    return await read(query, signal)
  }

  async function findUser(name: string): Promise<string | undefined> {
    // In parentheses, as a name may begin with `$`; a quote is doubled (OData, section 5.1.1.6.1).
    const key = encodeURIComponent(name.replaceAll("'", "''"))
    const found = await ask(
      `users('${key}')?$select=userPrincipalName,onPremisesSecurityIdentifier`,
      USER_PERMISSION,
    )
    if (found === undefined) return undefined
    checkSame(found['userPrincipalName'], name, activityId)
    return readSid(found, activityId)
  }

  async function findDevice(deviceId: string): Promise<JsonObject | undefined> {
    const found = await ask(
      `devices(deviceId='${deviceId}')?$select=deviceId,onPremisesSecurityIdentifier`,
      DEVICE_PERMISSION,
    )
    if (found !== undefined) checkSame(found['deviceId'], deviceId, activityId)
    return found
  }

  async function findManagedDevice(id: string): Promise<string | undefined> {
    const found = await ask(
      `deviceManagement/managedDevices/${id}?$select=id,azureADDeviceId`,
      MANAGED_DEVICE_PERMISSION,
    )
    if (found === undefined) return undefined
    checkSame(found['id'], id, activityId)
    const deviceId = found['azureADDeviceId']
    // Intune writes zeros, or nothing, for a device that Entra ID does not know.
    if (typeof deviceId !== 'string' || !GUID.test(deviceId) || /^[0-]+$/.test(deviceId))
      return undefined
    const device = await findDevice(deviceId)
    return device === undefined ? undefined : readSid(device, activityId)
  }

  switch (subject.kind) {
    case 'user':
      return await findUser(subject.userPrincipalName)
    case 'managed-device':
      return await findManagedDevice(checkedGuid(subject.id))
    case 'device': {
      const id = checkedGuid(subject.id)
      const device = await findDevice(id)
      return device === undefined ? await findManagedDevice(id) : readSid(device, activityId)
    }
  }
}

function keyOf(subject: DirectorySubject): string {
  const name = subject.kind === 'user' ? subject.userPrincipalName : subject.id
  return `${subject.kind} ${name.toLowerCase()}`
}

/** It becomes part of a path. */
function checkedGuid(id: string): string {
  if (GUID.test(id)) return id
  throw new ConnectorError('internal/bug', 'a device id that is no GUID was to be looked up')
}

/** Graph also finds by other keys than the one that was meant; only the object of this very name counts. */
function checkSame(found: unknown, asked: string, activityId: string): void {
  if (typeof found === 'string' && found.toLowerCase() === asked.toLowerCase()) return
  throw badObject('another object than was asked for', activityId)
}

function readSid(object: JsonObject, activityId: string): string | undefined {
  const sid = object['onPremisesSecurityIdentifier']
  if (sid === null || sid === undefined || sid === '') return undefined
  if (typeof sid === 'string' && SID.test(sid)) return sid
  throw badObject('a SID of unknown form', activityId)
}

function badObject(found: string, activityId: string): ConnectorError {
  return new ConnectorError('management/bad-response', `Microsoft Graph answered with ${found}`, {
    activityId,
  })
}
