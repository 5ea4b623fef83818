/** The API for people and programs, beside the routes of agents and hosts: `addApi` is all that a server calls. */
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { Convert } from 'typebox/value'
import type { Role } from '../../../terms/access.ts'
import { StoreError } from '../../../world/errors.ts'
import { addressOf } from '../connections.ts'
import { addCspReports } from './csp-reports.ts'
import { DamagedError } from './damaged.ts'
import { addDescription, addDocsPage } from './docs-page.ts'
import { type Access, Doorman } from './doorman.ts'
import { Events } from './events.ts'
import { addEvents } from './event-routes.ts'
import { backtestRoutes } from './backtest-routes.ts'
import { hostRoutes } from './host-routes.ts'
import { journalRoutes } from './journal-routes.ts'
import { readJsonBody } from './json-body.ts'
import { judgementRoutes } from './judgement-routes.ts'
import { ledgerRoutes } from './ledger-routes.ts'
import { addLooked } from './metrics.ts'
import { OneTimeTokens } from './one-time-token.ts'
import { addPacking } from './packing.ts'
import { readPage } from './page-files.ts'
import { addPage } from './page-routes.ts'
import { API_LIMITS, type ApiParts } from './parts.ts'
import { peopleRoutes } from './people-routes.ts'
import { moveRoutes } from './move-routes.ts'
import { policyRoutes } from './policy-routes.ts'
import { previewRoutes } from './preview-routes.ts'
import { proposalRoutes } from './proposal-routes.ts'
import { invalid, type Refusal, UNKNOWN } from './reply.ts'
import { callers, refusals, type Route, sendRefusal } from './route.ts'
import { addSessions } from './session-routes.ts'
import { Sessions } from './sessions.ts'
import { siteMetrics } from './site-metrics.ts'
import { SiteView } from './site-view.ts'
import { addHealth, addMetrics, statusRoutes } from './status-routes.ts'
import { storeRoutes } from './store-routes.ts'
import { vmRoutes } from './vm-routes.ts'
import { wishRoutes } from './wish-routes.ts'
import { endOfEvent } from '../moves-board.ts'

/** What runs beside the routes. */
export interface Api {
  readonly events: Events
  /** Makes a token that signs one browser in, within ten minutes. */
  readonly makeOneTimeToken: (role: Role) => string
}

/** Adds the API to a server that does not listen yet. It ends with the server. */
export function addApi(app: FastifyInstance, parts: ApiParts): Api {
  const { metrics } = parts
  const limits = { ...API_LIMITS, ...parts.limits }
  const now = (): number => (parts.peopleClock ?? parts.clock).now()
  const sessions = new Sessions(now, limits.sessions)
  const oneTimeTokens = new OneTimeTokens(now)
  const doorman = new Doorman(parts, sessions)
  const site = new SiteView(parts.store, () => parts.clock.now())
  const events = new Events({
    perToken: limits.streamsPerToken,
    inAll: limits.streamsInAll,
    isStillGood: (caller) => doorman.isStillGood(caller),
    ended: (reason) => metrics.streamEnded(reason),
  })
  const stop = follow(parts, events)
  const stopBacktests = parts.backtests.subscribe((event) => events.tell(event))
  addLooked(metrics, siteMetrics(parts, site, events))
  // On the whole server: what agents and hosts ask is measured as well.
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none'
    metrics.answered({ method: request.method, route, status: reply.statusCode }, reply.elapsedTime)
  })
  app.addHook('preClose', async () => {
    stop()
    stopBacktests()
    await parts.backtests.close()
    parts.previews.close()
    events.close()
  })
  void app.register(async (scope) => {
    scope.addHook('onSend', async (request, reply) => secure(request, reply))
    await addDescription(scope, parts.version)
    await scope.register(async (docs) => {
      docs.addHook('onRoute', (route) => declareOpen(route))
      guard(docs, doorman)
      await addDocsPage(docs)
    })
    await scope.register(async (page) => addPages(page, parts, doorman))
    await scope.register(async (api) => {
      prepare(api, parts)
      guard(api, doorman)
      addHealth(api, parts)
      addMetrics(api, parts)
      addEvents(api, events)
      addSessions(api, { parts, doorman, sessions, oneTimeTokens, events })
      await api.register(async (routes) => {
        addPacking(routes)
        for (const { mount } of routesOf(parts, site, events)) mount(routes)
      })
    })
  })
  return { events, makeOneTimeToken: (role) => oneTimeTokens.make(role) }
}

/** Tells whoever reads events, and counts, until the function that it returns is called. */
function follow(parts: ApiParts, events: Events): () => void {
  return parts.answers.subscribe((event) => {
    if (event.name === 'turn') noteTurn(parts, event.text)
    const end = event.name === 'migration' ? endOfEvent(event.text) : undefined
    if (end !== undefined) parts.metrics.moveEnded(end)
    events.tell(event)
  })
}

/** The page for people, and what browsers say of it. */
async function addPages(scope: FastifyInstance, parts: ApiParts, doorman: Doorman): Promise<void> {
  guard(scope, doorman)
  addPage(scope, parts.pageFolder === undefined ? new Map() : await readPage(parts.pageFolder))
  addCspReports(scope, parts)
}

function routesOf(parts: ApiParts, site: SiteView, events: Events): readonly Route[] {
  return [
    ...statusRoutes(parts, site, events),
    ...vmRoutes(parts, site),
    ...hostRoutes(parts, site),
    ...judgementRoutes(parts),
    ...journalRoutes(parts),
    ...policyRoutes(parts),
    ...previewRoutes(parts),
    ...moveRoutes(parts),
    ...proposalRoutes(parts),
    ...ledgerRoutes(parts),
    ...backtestRoutes(parts),
    ...wishRoutes(parts),
    ...peopleRoutes(parts, site),
    ...storeRoutes(parts),
  ]
}

/** Pages and files of the description: whoever adds one says nothing of access. */
function declareOpen(route: RouteOptions): void {
  route.config = { ...route.config, access: 'open' }
}

/** Asks of every request who it is, before its body is read. */
function guard(scope: FastifyInstance, doorman: Doorman): void {
  scope.addHook('onRoute', (route) => {
    if (route.config?.access === undefined) throw new Error(`${route.url} does not say who may ask it`)
  })
  scope.addHook('onRequest', async (request, reply) => {
    const { config, url = '' } = request.routeOptions
    const access: Access = config.access ?? 'admin'
    const admitted = await doorman.admit(request.raw, access, `${request.method} ${url}`)
    // Waited for until it is on the wire: Fastify goes on to the handler where it is not.
    if (admitted !== undefined && 'kind' in admitted) await sendRefusal(admitted, reply)
    else if (admitted !== undefined) callers.set(request, admitted)
  })
}

/** How this part of the server reads, judges and refuses. */
function prepare(api: FastifyInstance, { log, metrics }: ApiParts): void {
  api.removeAllContentTypeParsers()
  api.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
    const read = readJsonBody(body as string)
    if (read.kind === 'read') done(null, read.value)
    else done(Object.assign(new Error(read.reason), { statusCode: 400 }))
  })
  api.setValidatorCompiler(({ schema, httpPart }) => validatorOf(schema as TSchema, httpPart ?? ''))
  api.setErrorHandler((error: FastifyError, request, reply) => {
    const refusal = refusalOf(error)
    if (refusal.status === 500)
      log.error({ request: request.id, error: error.stack ?? error.message }, 'our own mistake')
    return sendRefusal(refusal, reply)
  })
  api.addHook('onResponse', async (request, reply) => {
    const { statusCode } = reply
    if (statusCode < 400) return
    const refusal = refusals.get(request)
    metrics.refused(refusal?.code ?? 'none')
    // These are many where they are at all: the doorman says so once a minute.
    if (statusCode === 429) return
    const line = {
      request: request.id,
      method: request.method,
      route: request.routeOptions.url ?? 'none',
      status: statusCode,
      ...(refusal === undefined ? {} : { code: refusal.code, reason: refusal.message }),
      from: addressOf(request.raw.socket),
      by: callers.get(request)?.name ?? 'nobody',
    }
    // It says why and when to ask again: at a start that is how it is, and where it is a fault an alert says so.
    if (statusCode === 503) log.warn(line, 'can not be answered now')
    else if (statusCode >= 500) log.error(line, 'request failed')
    else log.warn(line, 'request refused')
  })
}

/** Nothing of ours is guessed at, framed, kept by a cache, or told where a link leads. */
async function secure(request: FastifyRequest, reply: FastifyReply): Promise<void> {
  void reply.header('x-content-type-options', 'nosniff')
  void reply.header('referrer-policy', 'no-referrer')
  void reply.header('x-request-id', request.id)
  if (!reply.hasHeader('cache-control')) void reply.header('cache-control', 'no-store')
  if (!reply.hasHeader('content-security-policy'))
    void reply.header('content-security-policy', "default-src 'none'; frame-ancestors 'none'")
}

/** Texts of a query become numbers where a number is wanted; a body is taken as it is. Whatever was not asked for is refused. */
function validatorOf(schema: TSchema, part: string) {
  const validator = Compile(schema)
  return (given: unknown) => {
    const value: unknown = part === 'body' ? given : Convert(schema, given ?? {})
    if (validator.Check(value)) return { value }
    const errors = validator.Errors(value)
    const unknown = errors.find(({ keyword }) => keyword === 'additionalProperties')
    const { instancePath, message, params } = unknown ?? errors[0]
    const { additionalProperties, allowedValues } = params as {
      readonly additionalProperties?: readonly string[]
      readonly allowedValues?: readonly unknown[]
    }
    const names = additionalProperties ?? allowedValues
    const named = names === undefined ? '' : ` (${names.join(', ').slice(0, NAMES_LENGTH_MAX)})`
    const place = `${part}${instancePath.replaceAll('/', '.')}`
    return { error: new Error(`${place} ${message}${named}${valueText(value, instancePath)}.`) }
  }
}

/** Of names and of a value that a refusal repeats. */
const NAMES_LENGTH_MAX = 200
const VALUE_LENGTH_MAX = 60

/** What was found there, where it is short enough to be told. */
function valueText(whole: unknown, path: string): string {
  let found = whole
  for (const name of path.split('/').slice(1)) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, name)) return ''
    found = (found as Readonly<Record<string, unknown>>)[name]
  }
  if (typeof found === 'object' && found !== null) return ''
  const text = JSON.stringify(found) ?? ''
  return text === '' || text.length > VALUE_LENGTH_MAX ? '' : `, and is ${text}`
}

function refusalOf(error: FastifyError): Refusal {
  // A name that can't be one is nobody's name.
  if (error.validationContext === 'params') return UNKNOWN
  if (error instanceof StoreError && error.code === 'corrupt') {
    const message = error instanceof DamagedError ? error.message : 'What was written can’t be read back.'
    const remedy = '`ethos store check` says what is damaged, and a copy brings it back; a policy may be set anew.'
    return { kind: 'refused', status: 503, code: 'corrupt', message, remedy, retryAfterSec: 30 }
  }
  if (error instanceof StoreError) {
    const remedy = 'Ask again soon. GET /healthz tells how the server is.'
    const message = 'The store did not do it.'
    return { kind: 'refused', status: 503, code: 'not-kept', message, remedy, retryAfterSec: 30 }
  }
  const status = error.statusCode ?? (error.validation === undefined ? 500 : 400)
  if (status === 413)
    return { kind: 'refused', status, code: 'too-large', message: 'The body is too large.', remedy: 'Send less.' }
  if (status === 415)
    return {
      kind: 'refused',
      status,
      code: 'invalid',
      message: 'The body is of another type.',
      remedy: 'Send JSON, with `content-type: application/json`.',
    }
  if (status >= 400 && status < 500) return invalid(error.message.slice(0, 500))
  const remedy = 'The server’s log has the reason, under the id of `x-request-id`.'
  return { kind: 'refused', status: 500, code: 'internal', message: 'Our own mistake.', remedy }
}

/** A turn tells how long it took and how late it began, if it does. */
function noteTurn({ metrics }: ApiParts, text: string): void {
  try {
    const { durationMs, lateMs } = JSON.parse(text) as Readonly<Record<string, unknown>>
    if (isTime(durationMs)) metrics.turnTaken(durationMs)
    if (isTime(lateMs)) metrics.turnBegan(lateMs)
  } catch {
    // An event that can't be read is the subscriber's to complain of.
  }
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && value >= 0
}
