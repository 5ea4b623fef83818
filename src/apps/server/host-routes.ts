/** The requests of hosts (decision 0013): what they relay, and what they report of themselves. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { HostId } from '../../terms/ids.ts'
import { ParseError } from '../../terms/parse.ts'
import {
  bearerOfRequest,
  certify,
  clockOf,
  type Exchange,
  knowBearer,
  type RouteParts,
  setBearer,
  type Strangers,
  textOf,
  tooMany,
} from './callers.ts'
import type { Bearer } from './certificates.ts'
import { addressOf } from './connections.ts'
import { readHostReport, textOfReport } from './host-report-body.ts'
import { RELAY_LINES_MAX } from './relay.ts'
import { readRun, REPORT_BYTES_MAX } from './reporter-run.ts'

/** What the operator of a host that nobody registered is told. */
const UNREGISTERED = {
  error: 'unregistered',
  remedy: 'This host is not on the list of hosts: what it says is not kept. Put it there, then it goes on by itself.',
}

export function addHostRoutes(app: FastifyInstance, parts: RouteParts, strangers: Strangers): void {
  void app.register(async (own) => {
    own.addContentTypeParser('application/gzip', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
    own.post<{ Params: { id: string } }>(
      '/v1/hosts/:id/reports',
      {
        bodyLimit: REPORT_BYTES_MAX,
        onRequest: async (request, reply) => {
          const bearer = await knowBearer(parts, strangers, { request, reply, roles: ['host'] })
          if (bearer === undefined) return
          if (bearer.name !== request.params.id) return refuseOther(parts, bearer, { request, reply })
          await admitHost(parts, bearer, { request, reply })
        },
      },
      (request, reply) => takeReport(parts, request, reply),
    )
  })
}

/** Lets a host in that is on the list, and has not said too much. */
export async function admitHost(
  { relay, desk, watch, slowMs }: RouteParts,
  bearer: Bearer,
  { request, reply }: Exchange,
): Promise<void> {
  const host = bearer.name as HostId
  const hearing = await relay.hear(host)
  if (hearing.kind === 'later') return tooMany(reply, hearing.waitMs, slowMs)
  if (hearing.kind === 'heard') {
    watch.registered(host)
    return setBearer(request, bearer)
  }
  await refuseUnregistered({ desk, watch }, host, { request, reply })
}

async function refuseUnregistered(
  { desk, watch }: Pick<RouteParts, 'desk' | 'watch'>,
  host: HostId,
  { request, reply }: Exchange,
): Promise<void> {
  watch.stranger(host, addressOf(request.raw.socket))
  const reason = `${request.method} ${request.routeOptions.url ?? ''}: not on the list of hosts`
  await desk.record({ what: 'request refused', about: host, from: addressOf(request.raw.socket), reason })
  await reply
    .code(409)
    .send({ ...UNREGISTERED, command: `ethos bench host --out ${host}.json && ethos hosts add ${host}.json` })
}

async function refuseOther(
  { desk }: RouteParts,
  { name }: Bearer,
  { request, reply }: Exchange<{ Params: { id: string } }>,
): Promise<void> {
  const reason = 'a host may report of itself alone, and this is a report of another'
  await desk.record({ what: 'request refused', about: name, from: addressOf(request.raw.socket), reason })
  await reply.code(403).send({ error: 'refused' })
}

/** A new certificate for a host that is still on the list. */
export function renewHost(
  { authority }: RouteParts,
  { bearer, publicKey }: { readonly bearer: Bearer; readonly publicKey: string },
): Promise<object> {
  return certify(authority, bearer, publicKey)
}

export async function takeRelayed(
  { relay, desk, slowMs }: RouteParts,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  const clock = clockOf(request)
  const batch = { text: textOf(request.body), ...(clock === undefined ? {} : { clock }) }
  const answer = await relay.take(bearerOfRequest(request).name as HostId, batch)
  if (!('kind' in answer)) return { ...answer, phases: desk.phases.version }
  if (answer.kind === 'later') {
    await tooMany(reply, answer.waitMs, slowMs)
    return reply
  }
  return reply.code(413).send({ error: `more than ${RELAY_LINES_MAX} lines` })
}

async function takeReport(
  { desk, relay, watch, slowMs }: RouteParts,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  const host = bearerOfRequest(request).name as HostId
  const run = readRun(request.headers['ethos-reporter'])
  try {
    const report = readHostReport(await textOfReport(request.body), host)
    if (!(await relay.isListed(host))) {
      await refuseUnregistered({ desk, watch }, host, { request, reply })
      return reply
    }
    const waitMs = relay.name(
      host,
      report.vms.map(({ vm }) => vm.id),
    )
    if (waitMs > 0) {
      const reason = 'it names more VMs that it never named before than a host may at once'
      await desk.record({ what: 'report refused', about: host, from: addressOf(request.raw.socket), reason })
      await tooMany(reply, waitMs, slowMs)
      return reply
    }
    const isShared = run !== undefined && watch.reports(host, run, addressOf(request.raw.socket))
    const kept = { ...report, arrivedAt: desk.now(), ...(isShared ? { isShared } : {}) }
    await desk.write(() => desk.store.hosts.report([kept]))
    return { kept: true, vms: report.vms.length }
  } catch (error) {
    if (!(error instanceof ParseError)) throw error
    const from = addressOf(request.raw.socket)
    await desk.record({ what: 'report refused', about: host, from, reason: error.message })
    return reply.code(400).send({ error: 'bad report', reason: error.message })
  }
}
