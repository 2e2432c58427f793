import type { Request, Response } from 'express'
import type { z } from 'zod'

/** What is wrong with one member of a body. */
export interface Problem {
  readonly member: string
  readonly problem: string
}

/** Reads a body, or answers 400 with all problems and gives undefined. A missing body counts as `{}`. */
export function readBody<T>(
  schema: z.ZodType<T>,
  request: Request,
  response: Response,
): T | undefined {
  const parsed = schema.safeParse(request.body ?? {})
  if (parsed.success) return parsed.data
  refuse(
    response,
    parsed.error.issues.map(({ path, message }) => ({ member: path.join('.'), problem: message })),
  )
  return undefined
}

/** Answers 400 with all problems. */
export function refuse(response: Response, problems: readonly Problem[]): void {
  const message = problems.map(({ member, problem }) => `${member || 'body'}: ${problem}`)
  response
    .status(400)
    .json({ error: { code: 'BadRequest', message: message.join('; ') }, problems })
}

/** The entries whose text members are as the query says; with `?last=n` the newest of them. */
export function narrow<T extends object>(entries: readonly T[], request: Request): T[] {
  const { last, ...wanted } = request.query
  const found = entries.filter((entry) => {
    const members = new Map<string, unknown>(Object.entries(entry))
    return Object.entries(wanted).every(([name, value]) => members.get(name) === value)
  })
  const count = Number(last)
  return Number.isInteger(count) && count > 0 ? found.slice(-count) : found
}
