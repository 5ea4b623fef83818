/** Routes as values: what they take, what they answer and who may ask. `mount` is the only place that knows how Fastify does it. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type Static, type TProperties, type TSchema, Type } from 'typebox'
import type { Role } from '../../../terms/access.ts'
import { type HostId, ID_LENGTH_MAX, parseHostId, parseVmId, type VmId } from '../../../terms/ids.ts'
import { ParseError } from '../../../terms/parse.ts'
import { Failure } from '../views/failure.ts'
import type { Access, Caller } from './doorman.ts'
import { invalid, JSON_TYPE, type Refusal, type Reply, UNKNOWN } from './reply.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may ask. A route without it is not mounted. */
    access?: Access
  }
}

export interface RouteSpec<Query extends TProperties, Body extends TSchema> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** As Fastify writes it: `/v1/vms/:vm`. */
  readonly path: string
  readonly access: Role
  readonly tag: string
  readonly summary: string
  readonly description?: string
  readonly query?: Query
  readonly body?: Body
  /** What a good answer is. Absent: 204, and nothing. */
  readonly answer?: TSchema
  readonly status?: 200 | 201
  /** Other forms of the answer, by type. */
  readonly alsoAs?: readonly string[]
  readonly bodyBytesMax?: number
  /** May throw a `ParseError` for what a caller sent, and reject with a `StoreError`. */
  readonly handle: (ask: Ask<Static<ReturnType<typeof Type.Object<Query>>>, Static<Body>>) => Promise<Reply> | Reply
}

/** One request, judged. */
export interface Ask<Query = object, Body = unknown> {
  readonly caller: Caller
  readonly query: Query
  readonly body: Body
  /** Of the path; empty where the path has none. */
  readonly vm: VmId
  readonly host: HostId
  readonly id: string
  /** What the caller would like to be answered in. */
  readonly accept: string
}

export interface Route {
  readonly mount: (app: FastifyInstance) => void
}

/** Who asks, as the hook found out. */
export const callers = new WeakMap<FastifyRequest, Caller>()

const BODY_BYTES_MAX = 64 * 1024

export function route<Query extends TProperties = TProperties, Body extends TSchema = TSchema>(
  spec: RouteSpec<Query, Body>,
): Route {
  return {
    mount: (app) =>
      void app.route({
        method: spec.method,
        url: spec.path,
        config: { access: spec.access },
        bodyLimit: spec.bodyBytesMax ?? BODY_BYTES_MAX,
        schema: schemaOf(spec),
        handler: async (request, reply) => {
          const ask = askOf(request)
          if (ask === undefined) return sendReply(UNKNOWN, request, reply)
          return sendReply(await answer(spec, ask), request, reply)
        },
      }),
  }
}

async function answer<Query extends TProperties, Body extends TSchema>(
  spec: RouteSpec<Query, Body>,
  ask: Ask,
): Promise<Reply> {
  try {
    return await spec.handle(ask as Ask<never, never>)
  } catch (error) {
    if (error instanceof ParseError) return invalid(error.message)
    throw error
  }
}

/** Undefined where a name in the path is none. */
function askOf(request: FastifyRequest): Ask | undefined {
  const params = request.params as Readonly<Record<string, string>>
  const caller = callers.get(request)
  if (caller === undefined) throw new Error(`${request.routeOptions.url} let somebody in without asking who it is`)
  try {
    return {
      caller,
      query: request.query as object,
      body: request.body,
      vm: 'vm' in params ? parseVmId(params['vm']) : ('' as VmId),
      host: 'host' in params ? parseHostId(params['host']) : ('' as HostId),
      id: params['id'] ?? '',
      accept: request.headers.accept ?? '',
    }
  } catch {
    return undefined
  }
}

/** Writes an answer. */
function sendReply(answer: Reply, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (answer.kind === 'done') return reply.code(204).send()
  if (answer.kind === 'text') {
    const { text, type } = answer
    if (typeof text !== 'string') freeOnceSent(text, reply)
    return reply.type(type).send(text)
  }
  if (answer.kind === 'refused') return sendRefusal(answer, reply)
  const { etag, status = 200, value } = answer
  if (etag !== undefined) {
    void reply.header('etag', etag)
    if (request.headers['if-none-match'] === etag) return reply.code(304).send()
  }
  return reply.code(status).type(JSON_TYPE).send(value)
}

/** Gives the memory of a long answer back at once. Left to itself it is garbage of half a megabyte a time, for which V8 marks all that it has: 70 ms of this
 *  thread for 25 rankings. */
function freeOnceSent({ buffer }: Uint8Array<ArrayBuffer>, reply: FastifyReply): void {
  reply.raw.once('finish', () => void buffer.transfer(0))
}

/** What a refusal says is noted for the line in the log. */
export const refusals = new WeakMap<FastifyRequest, Refusal>()

export function sendRefusal(refusal: Refusal, reply: FastifyReply): FastifyReply {
  const { status, code, message, remedy, retryAfterSec, current } = refusal
  refusals.set(reply.request, refusal)
  if (retryAfterSec !== undefined) void reply.header('retry-after', String(retryAfterSec))
  if (status === 401) void reply.header('www-authenticate', 'Bearer realm="ethos"')
  const body = { error: { code, message, remedy }, ...(current === undefined ? {} : { current }) }
  // As text: a schema of the answer is one of good answers.
  return reply.code(status).type(JSON_TYPE).send(JSON.stringify(body))
}

/** A path that is no name, badly encoded or too long, is answered like a name that nobody has. For Fastify's `frameworkErrors`, which would answer in a form
 *  of its own. */
export function answerNoName(_error: unknown, _request: unknown, reply: unknown): void {
  sendRefusal(UNKNOWN, reply as FastifyReply)
}

const PARAMS = {
  vm: Type.String({ maxLength: ID_LENGTH_MAX, description: 'name of a VM, percent-encoded' }),
  host: Type.String({ maxLength: ID_LENGTH_MAX, description: 'name of a host, percent-encoded' }),
  id: Type.String({ maxLength: 64 }),
} as const

function schemaOf<Query extends TProperties, Body extends TSchema>(spec: RouteSpec<Query, Body>): object {
  const names = [...spec.path.matchAll(/:(\w+)/g)].map(([, name]) => name as keyof typeof PARAMS)
  const params = Object.fromEntries(names.map((name) => [name, PARAMS[name]]))
  const failures = [
    400,
    401,
    403,
    429,
    503,
    ...(names.length > 0 ? [404] : []),
    ...(spec.method === 'GET' ? [] : [409]),
  ]
  const others = Object.fromEntries((spec.alsoAs ?? []).map((type) => [type, { schema: Type.String() }]))
  const good =
    spec.answer === undefined
      ? { 204: Type.Null({ description: 'Done.' }) }
      : {
          [spec.status ?? 200]: {
            description: 'Default',
            content: { 'application/json': { schema: spec.answer }, ...others },
          },
        }
  return {
    tags: [spec.tag],
    summary: spec.summary,
    description: `${spec.description ?? spec.summary} Role: ${spec.access}.`,
    ...(names.length === 0 ? {} : { params: Type.Object(params) }),
    querystring: Type.Object(spec.query ?? {}, { additionalProperties: false }),
    ...(spec.body === undefined ? {} : { body: spec.body }),
    response: { ...good, ...Object.fromEntries(failures.map((status) => [status, Failure])) },
  }
}
