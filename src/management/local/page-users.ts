import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { ConnectorError, type Secret } from '../../kernel/index.ts'

/** 16 MiB and some 50 ms: dear for whoever guesses, cheap for a few logins a minute. */
const COST = { N: 16_384, r: 8, p: 1 } as const
const HASH_BYTES = 32
const SALT_BYTES = 16
const MAX_USERS = 1000
const linePattern =
  /^([A-Za-z0-9._@\\-]{1,64}):scrypt:(\d{1,7}):(\d{1,2}):(\d):([A-Za-z0-9+/]{22}==):([A-Za-z0-9+/]{43}=)$/

interface PasswordHash {
  readonly salt: Buffer
  readonly hash: Buffer
  readonly cost: { readonly N: number; readonly r: number; readonly p: number }
}

/** What a name and a password are worth. `unknown`: no such user, or another password. */
export type Login = 'allowed' | 'forbidden' | 'unknown'

/** The people and programs that may read a page with challenges. */
export interface PageUsers {
  /** Takes the same time for an unknown name as for a wrong password. */
  authenticate(name: string, password: string): Promise<Login>
}

/**
 * Reads users as `encodePageUser` writes them, one a line; empty lines and lines that begin with # do not count.
 *
 * @param allowed names that may get a challenge; undefined: all of them
 * @param where the configuration key, for messages
 * @throws ConnectorError `config/invalid` a line is none, a name stands twice, or one of `allowed` is missing
 */
export function parsePageUsers(
  text: Secret,
  allowed: readonly string[] | undefined,
  where: string,
): PageUsers {
  const users = new Map<string, PasswordHash>()
  for (const [index, line] of text.reveal().split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue
    const { name, password } = parseLine(line.trim(), `${where}, line ${index + 1}`)
    if (users.has(name)) throw invalid(where, `line ${index + 1} names a user again: keep one`)
    users.set(name, password)
  }
  if (users.size === 0 || users.size > MAX_USERS)
    throw invalid(where, `there are ${users.size} users; give 1 to ${MAX_USERS}`)
  const stranger = allowed?.find((name) => !users.has(name))
  if (stranger !== undefined)
    throw invalid(where, `there is no user ${stranger}: add the line, or take the name out`)
  const nobody: PasswordHash = {
    salt: randomBytes(SALT_BYTES),
    hash: randomBytes(HASH_BYTES),
    cost: [...users.values()][0]?.cost ?? COST,
  }

  return {
    async authenticate(name, password) {
      const user = users.get(name)
      const isRight = await isPassword(password, user ?? nobody)
      if (user === undefined || !isRight) return 'unknown'
      return allowed === undefined || allowed.includes(name) ? 'allowed' : 'forbidden'
    },
  }
}

/**
 * The line of one user, with a fresh salt.
 *
 * @throws ConnectorError `config/invalid` a name or password that does not do
 */
export async function encodePageUser(name: string, password: Secret): Promise<string> {
  if (!/^[A-Za-z0-9._@\\-]{1,64}$/.test(name))
    throw new ConnectorError(
      'config/invalid',
      'a user name is 1 to 64 letters, digits and . _ @ \\ -',
    )
  if (password.length < 12 || password.length > 256)
    throw new ConnectorError('config/invalid', 'a password has 12 to 256 characters')
  const salt = randomBytes(SALT_BYTES)
  const hash = await derive(password.reveal(), salt, COST)
  const cost = `${COST.N}:${COST.r}:${COST.p}`
  return `${name}:scrypt:${cost}:${salt.toString('base64')}:${hash.toString('base64')}`
}

function parseLine(
  line: string,
  where: string,
): { readonly name: string; readonly password: PasswordHash } {
  const [, name, N, r, p, salt = '', hash = ''] = linePattern.exec(line) ?? []
  const cost = { N: Number(N), r: Number(r), p: Number(p) }
  const isBounded = cost.N >= 1024 && cost.N <= 131_072 && cost.r <= 16 && cost.p <= 4
  if (name === undefined || !isBounded || !Number.isInteger(Math.log2(cost.N)) || cost.p === 0)
    throw invalid(where, 'is no user; make the line with certconnector page-user')
  return {
    name,
    password: { salt: Buffer.from(salt, 'base64'), hash: Buffer.from(hash, 'base64'), cost },
  }
}

function invalid(where: string, what: string): ConnectorError {
  return new ConnectorError('config/invalid', `${where}: ${what}`)
}

async function isPassword(password: string, { salt, hash, cost }: PasswordHash): Promise<boolean> {
  return timingSafeEqual(await derive(password, salt, cost), hash)
}

const deriveKey = promisify<string, Buffer, number, object, Buffer>(scrypt)

async function derive(password: string, salt: Buffer, cost: PasswordHash['cost']): Promise<Buffer> {
  const maxmem = 256 * cost.N * cost.r
  return await deriveKey(password.normalize('NFC'), salt, HASH_BYTES, { ...cost, maxmem })
}
