import express, { type ErrorRequestHandler, type Express, type Router } from 'express'
import { odataError } from './wire/answer.ts'
import type { Exchange } from './wire/exchange.ts'

/** Largest body of the played services: a CSR with a challenge takes a tenth of it. */
const maxBodyBytes = 262_144

/** The same of the open service: what its discovery says. */
const maxOpenServiceBytes = 8_388_608

/** The Express application of the played services. Bodies stay raw, since their encoding is part of the game. */
export function playedApplication(exchange: Exchange, routers: readonly Router[]): Express {
  const app = bareApplication()
  app.use('/ocs', express.raw({ type: () => true, limit: maxOpenServiceBytes }))
  app.use(/^(?!\/ocs\/)/, express.raw({ type: () => true, limit: maxBodyBytes }))
  for (const router of routers) app.use(router)
  app.use(exchange.playOther(() => odataError(404, 'NotFound', 'There is nothing at this path.')))
  app.use(answerError)
  return app
}

/** The Express application of the control listener. */
export function controlApplication(...routers: readonly Router[]): Express {
  const app = bareApplication()
  for (const router of routers) app.use(router)
  app.use((_request, response) => {
    response.status(404).json({ error: { code: 'NotFound', message: 'No such control call.' } })
  })
  app.use(answerError)
  return app
}

function bareApplication(): Express {
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  return app
}

/** The last stop of errors: body parsers bring a status, anything else is a bug. Nothing of the body is repeated. */
const answerError: ErrorRequestHandler = (error: unknown, _request, response, next) => {
  if (response.headersSent) return next(error)
  const status = statusOf(error)
  const code = status === 500 ? 'InternalError' : 'BadRequest'
  const message =
    status === 500 ? 'The simulator has a bug.' : 'The body cannot be read as what it claims to be.'
  response.status(status).json({ error: { code, message } })
}

function statusOf(error: unknown): number {
  const status = error instanceof Error && 'status' in error ? Number(error.status) : 500
  return status >= 400 && status < 500 ? status : 500
}
