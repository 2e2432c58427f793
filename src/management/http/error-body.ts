import { isJsonObject } from './json-object.ts'
import { cleanText } from './plain-text.ts'

/** What Entra ID's common error numbers ask an administrator to do. */
const ADVICE: Readonly<Record<string, string>> = {
  '7000215': 'the client secret is wrong: enter its value, not its id',
  '7000222': 'the client secret has expired: make a new one',
  '700016': 'the application is not in this tenant: check clientId and tenant',
  '700027': 'the certificate is not registered with the application, or its key does not fit',
  '90002': 'the tenant does not exist: check tenant and cloud',
  '500011':
    'the resource is not known in this tenant: check intune.cloud and intune.intuneResourceUrl',
  '53003': 'a Conditional Access policy blocks the application',
}

/** What an error answer says to a person. */
export interface ErrorText {
  /** One clean line; undefined when the body says nothing readable. */
  readonly text: string | undefined
  /** Entra ID's error number, digits only. */
  readonly aadsts: string | undefined
}

/**
 * Reads the human part of an error body: `error.message` (and the JSON document that Intune nests in it),
 * `odata.error.message.value`, `errorDescription`, `error_description`; otherwise nothing of an HTML page but its title.
 *
 * @param secrets texts that are removed wherever they appear
 * @see intune-api.md, 3.6 and 1.1
 */
export function parseErrorBody(body: string, secrets: readonly string[]): ErrorText {
  const raw = findText(parseJson(body), 3) ?? findTitle(body)
  if (raw === undefined) return { text: undefined, aadsts: undefined }
  const aadsts = /\bAADSTS(\d{4,9})\b/.exec(raw)?.[1]
  const advice = aadsts === undefined ? undefined : ADVICE[aadsts]
  const text = cleanText(raw, secrets)
  return { text: advice === undefined ? text : `${text} (${advice})`, aadsts }
}

/** Depth is bounded: each nested document costs one. */
function findText(value: unknown, depth: number): string | undefined {
  if (!isJsonObject(value) || depth === 0) return undefined
  const { error, 'odata.error': odataError } = value
  const found =
    (isJsonObject(error)
      ? joinCode(error['code'], findMessage(error['message'], depth))
      : undefined) ??
    (isJsonObject(odataError)
      ? joinCode(odataError['code'], findMessage(odataError['message'], depth))
      : undefined) ??
    textOf(value['error_description']) ??
    textOf(value['errorDescription']) ??
    textOf(value['Message']) ??
    textOf(value['message'])
  return found ?? textOf(error)
}

function findMessage(message: unknown, depth: number): string | undefined {
  if (isJsonObject(message)) return textOf(message['value'])
  const text = textOf(message)
  return text === undefined ? undefined : (findText(parseJson(text), depth - 1) ?? text)
}

function joinCode(code: unknown, message: string | undefined): string | undefined {
  const name = textOf(code)
  if (message === undefined) return name
  return name === undefined ? message : `${name}: ${message}`
}

function findTitle(body: string): string | undefined {
  const title = /<title[^>]{0,100}>([^<]{1,200})<\/title>/i.exec(body.slice(0, 4_096))?.[1]
  return title === undefined ? undefined : `HTML page '${title.trim()}'`
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value : undefined
}
