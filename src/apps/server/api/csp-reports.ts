/** What browsers say that the page's policy kept from happening (CSP level 3, `report-uri`): counted, and one a minute told in the log. Either the page is
 *  wrong, or somebody has got something into it. */
import type { FastifyInstance } from 'fastify'
import { type BucketLimits, Buckets } from '../../../engine/admission/buckets.ts'
import { SECOND_MS } from '../../../terms/units.ts'
import { Seldom } from '../seldom.ts'
import { whyElsewhere } from './cookie.ts'
import { readJsonBody } from './json-body.ts'
import { REPORTS_PATH } from './page-routes.ts'
import type { ApiParts } from './parts.ts'

const TYPE = 'application/csp-report'
const BODY_BYTES_MAX = 16 * 1024
const TEXT_LENGTH_MAX = 100
/** Of all browsers together: whoever wants to fill a log, or a counter, is told no. */
const LIMITS: BucketLimits = { everyMs: SECOND_MS, burst: 60 }

/** To be added where nothing else reads bodies: browsers send them as a type of their own. */
export function addCspReports(app: FastifyInstance, { metrics, log, clock, peopleClock = clock }: ApiParts): void {
  const bounds = new Buckets(LIMITS)
  const told = new Seldom(() => peopleClock.now())
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(TYPE, { parseAs: 'string' }, (_request, body, done) => done(null, body))
  app.setErrorHandler((error: { readonly statusCode?: number }, _request, reply) =>
    reply.code(error.statusCode ?? 500).send(),
  )
  const options = { config: { access: 'open' }, bodyLimit: BODY_BYTES_MAX, schema: { hide: true } } as const
  app.post(REPORTS_PATH, options, (request, reply) => {
    if (whyElsewhere(request.raw, true) !== undefined) return reply.code(403).send()
    if (bounds.take('', peopleClock.now()) > 0) return reply.code(429).send()
    const read = readJsonBody(typeof request.body === 'string' ? request.body : '')
    const report = read.kind === 'read' ? fieldOf(read.value, 'csp-report') : undefined
    if (report === undefined) return reply.code(400).send()
    metrics.cspReported()
    const withheld = told.ask()
    if (withheld !== undefined)
      log.warn({ ...factsOf(report), withheld }, 'the page was kept from something by its policy')
    return reply.code(204).send()
  })
}

/** Of a report that anybody may have written: two texts, short. */
function factsOf(report: unknown): Readonly<Record<string, string>> {
  return {
    directive: textOf(fieldOf(report, 'effective-directive') ?? fieldOf(report, 'violated-directive')),
    blocked: textOf(fieldOf(report, 'blocked-uri')),
  }
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, TEXT_LENGTH_MAX) : 'unknown'
}
