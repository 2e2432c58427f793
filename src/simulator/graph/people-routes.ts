import { Router } from 'express'
import type { TokenIssuer } from '../entra/tokens.ts'
import type { Answer, Call } from '../wire/answer.ts'
import { odataError, ok } from '../wire/answer.ts'
import type { Exchange } from '../wire/exchange.ts'
import type { People } from './people.ts'

/** One kind of object: how it is addressed, who may read it, what it looks like in full. */
interface Collection {
  readonly address: RegExp
  readonly role: string
  find(key: string, people: People): Readonly<Record<string, unknown>> | undefined
}

const collections: readonly Collection[] = [
  {
    address: /^\/graph\/(?:v1\.0|beta)\/users(?:\/|\(')(.+?)(?:'\))?$/i,
    role: 'User.Read.All',
    find(name, people) {
      const user = people.findUser(name.replaceAll("''", "'"))
      return user === undefined ? undefined : { ...user, displayName: user.userPrincipalName }
    },
  },
  {
    address: /^\/graph\/(?:v1\.0|beta)\/devices\(deviceId='([^']+)'\)$/i,
    role: 'Device.Read.All',
    find(id, people) {
      const device = people.findDevice(id)
      if (device === undefined) return undefined
      const { deviceId, onPremisesSecurityIdentifier } = device
      return { deviceId, onPremisesSecurityIdentifier, displayName: `device ${deviceId}` }
    },
  },
  {
    address:
      /^\/graph\/(?:v1\.0|beta)\/deviceManagement\/managedDevices(?:\/|\(')([^'/]+)(?:'\))?$/i,
    role: 'DeviceManagementManagedDevices.Read.All',
    find(id, people) {
      const device = people.findManagedDevice(id)
      return device === undefined
        ? undefined
        : {
            id: device.managedDeviceId,
            azureADDeviceId: device.deviceId,
            managedDeviceOwnerType: 'company',
          }
    },
  },
]

/** Members that Graph sends only when `$select` names them. */
const selectedOnly: readonly string[] = ['onPremisesSecurityIdentifier']

/** Users and devices as MS Graph shows them to an application. */
export function peopleRoutes(
  exchange: Exchange,
  parts: { readonly people: People; readonly tokens: TokenIssuer },
): Router {
  const router = Router()
  router.get(
    /^\/graph\/(v1\.0|beta)\/(users|devices|deviceManagement)\b/i,
    exchange.playHop('graph', (call) => answer(call, parts.people, parts.tokens)),
  )
  return router
}

async function answer(call: Call, people: People, tokens: TokenIssuer): Promise<Answer> {
  const bearer = await tokens.findBearer(call.headers.authorization, 'graph')
  if (!bearer) return odataError(401, 'InvalidAuthenticationToken', 'Access token is not valid.')
  for (const collection of collections) {
    const { role } = collection
    const key = collection.address.exec(call.path)?.[1]
    if (key === undefined) continue
    if (!bearer.roles.includes(role) && !bearer.roles.includes('Directory.Read.All'))
      return odataError(403, 'Authorization_RequestDenied', 'Insufficient privileges.')
    const found = collection.find(key, people)
    if (found === undefined)
      return odataError(404, 'Request_ResourceNotFound', `Resource '${key}' does not exist.`)
    return ok(select(found, call.query.get('$select')))
  }
  return odataError(400, 'Request_BadRequest', 'Resource not found for the segment.')
}

function select(object: Readonly<Record<string, unknown>>, members: string | null): unknown {
  const wanted = members?.split(',')
  return Object.fromEntries(
    Object.entries(object).filter(([name]) =>
      wanted === undefined ? !selectedOnly.includes(name) : wanted.includes(name),
    ),
  )
}
