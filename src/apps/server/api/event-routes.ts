import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { Failure } from '../views/failure.ts'
import { EVENT_NAMES, type Events } from './events.ts'
import { invalid } from './reply.ts'
import { callers, sendRefusal } from './route.ts'

const WORDS = EVENT_NAMES.join(', ')

/** `GET /v1/events`, which is answered until its reader goes. */
export function addEvents(app: FastifyInstance, events: Events): void {
  app.get<{ Querystring: { names?: string } }>(
    '/v1/events',
    {
      exposeHeadRoute: false,
      config: { access: 'viewer' },
      schema: {
        tags: ['status'],
        summary: 'What happens, as it happens: server-sent events.',
        description:
          `Names: ${WORDS}. \`Last-Event-ID\` tells what was missed, up to 1,000 events; \`missed\` comes first where some of them are gone. ` +
          'A line with a colon every 15 s is a sign of life. Readers that leave 1 MiB unread are dropped. Role: viewer.',
        querystring: Type.Object(
          { names: Type.Optional(Type.String({ maxLength: 100, description: `some of ${WORDS}, with commas` })) },
          { additionalProperties: false },
        ),
        response: {
          200: { description: 'A stream.', content: { 'text/event-stream': { schema: Type.String() } } },
          ...Object.fromEntries([400, 401, 403, 429, 503].map((status) => [status, Failure])),
        },
      },
    },
    (request, reply) => {
      const caller = callers.get(request)
      if (caller === undefined) throw new Error('somebody was let in without asking who it is')
      const names = request.query.names?.split(',') ?? [...EVENT_NAMES]
      const unknown = names.find((name) => !(EVENT_NAMES as readonly string[]).includes(name))
      if (unknown !== undefined)
        return sendRefusal(invalid(`There are no events called ${unknown}.`, `There are: ${WORDS}.`), reply)
      if (!events.hasRoom(caller))
        return sendRefusal(
          {
            kind: 'refused',
            status: 429,
            code: 'too-many',
            message: 'Too many streams are open.',
            remedy: 'Close some, or read one stream in several places.',
            retryAfterSec: 30,
          },
          reply,
        )
      const lastId = request.headers['last-event-id']
      reply.hijack()
      events.open(reply.raw, caller, { names: new Set(names), lastId: typeof lastId === 'string' ? lastId : undefined })
      return reply
    },
  )
}
