/** Hosts: what is known of each, what it bears, and how operators tell more. */
import { parseConclusion, parseHostMeasurement } from '../../../terms/host-measurement-codec.ts'
import { HOST_MEASUREMENT_BYTES_MAX } from '../../../terms/host-measurement.ts'
import type { HostId } from '../../../terms/ids.ts'
import { parseFields, parseJson } from '../../../terms/parse.ts'
import type { EpochMs } from '../../../terms/units.ts'
import type { HostRow } from '../../../world/site-store.ts'
import { pageOf } from '../views/common.ts'
import {
  BENCHMARKS_QUERY,
  BenchmarksView,
  CORRECTIONS_QUERY,
  CorrectionsBody,
  HostChanged,
  HOSTS_QUERY,
  HostsView,
  type HostView,
  MeasurementBody,
  OneHostView,
} from '../views/hosts.ts'
import { HostLoadsView } from '../views/judgement.ts'
import { LOAD_HISTORY_QUERY, LoadHistoryView } from '../views/outlook.ts'
import type { ApiParts } from './parts.ts'
import { orDamaged } from './damaged.ts'
import { tellLoadHistory } from './load-history.ts'
import { conflict, DONE, invalid, type Reply, replyOf, UNKNOWN, value } from './reply.ts'
import { type Route, route } from './route.ts'
import { readRow, type SeenHost, type SiteView } from './site-view.ts'
import { withoutAbsent } from './vm-routes.ts'

const TAG = 'hosts'

export function hostRoutes(parts: ApiParts, site: SiteView): readonly Route[] {
  return [...listRoutes(parts, site), ...oneRoutes(parts, site), ...changeRoutes(parts, site)]
}

function listRoutes(parts: ApiParts, site: SiteView): readonly Route[] {
  const base = { method: 'GET', access: 'viewer', tag: TAG } as const
  return [
    route({
      ...base,
      path: '/v1/hosts',
      summary: 'Hosts by name: what each is, and what it bears by its newest report.',
      query: HOSTS_QUERY,
      answer: HostsView,
      handle: async ({ query }) => {
        const { at, hosts } = await site.read()
        const { state, name, isComplete } = query
        const wanted = hosts.filter(
          (seen) =>
            (state === undefined || seen.report?.state === state) &&
            (name === undefined || seen.host.includes(name)) &&
            (isComplete === undefined || (seen.characteristics !== undefined) === isComplete),
        )
        const { items, next } = pageOf(wanted, ({ host }) => host, query)
        const shown = items.map((seen) => viewHost(seen, at))
        return value({ asOf: at, hosts: shown, ...(next === undefined ? {} : { next }) })
      },
    }),
    route({
      ...base,
      path: '/v1/loads',
      summary: 'Load of every host: current, predicted, allocated and on its way.',
      answer: HostLoadsView,
      handle: async () => replyOf(await parts.answers.hostLoads()),
    }),
    route({
      ...base,
      path: '/v1/loads/history',
      summary: 'What every host used of its CPU and memory, over time, in columns.',
      description:
        'Kept in slots of 5 minutes for 30 days. A longer step has the mean of its slots. Default: the last 6 hours. Shares are of what the host has now.',
      query: LOAD_HISTORY_QUERY,
      answer: LoadHistoryView,
      handle: ({ query }) => tellLoadHistory(parts, site, query),
    }),
  ]
}

function oneRoutes({ store, answers }: ApiParts, site: SiteView): readonly Route[] {
  const base = { method: 'GET', access: 'viewer', tag: TAG } as const
  return [
    route({
      ...base,
      path: '/v1/hosts/:host',
      summary: 'One host, with the VMs on it, and what its libvirt says of it.',
      answer: OneHostView,
      handle: async ({ host }) => {
        const { at, hostByName } = await site.read()
        const seen = hostByName.get(host)
        if (seen === undefined) return UNKNOWN
        const { row, report, characteristics } = seen
        const platform = answers.platform.host(host)
        return value({
          ...viewHost(seen, at),
          ...(characteristics === undefined ? {} : { characteristics }),
          ...(row?.corrections === undefined ? {} : { corrections: JSON.parse(row.corrections) as object }),
          ...(report === undefined ? {} : { vms: report.vms.map(({ vm, state }) => ({ vm: vm.id, runs: state })) }),
          ...(platform === undefined ? {} : { platform }),
        })
      },
    }),
    route({
      ...base,
      path: '/v1/hosts/:host/benchmarks',
      summary: 'What was measured on it, and before.',
      query: BENCHMARKS_QUERY,
      answer: BenchmarksView,
      handle: async ({ host, query }) => {
        const row = await store.hosts.find(host)
        if (row === undefined) return UNKNOWN
        const record = readRow(row)
        const history = await store.hosts.measurements(host, query.history ?? 0)
        return value({
          host,
          ...('characteristics' in record ? { benchmarks: record.characteristics.benchmarks } : {}),
          ...(row.measurement === undefined ? {} : { measurement: JSON.parse(row.measurement) as object }),
          history: history.map(({ at, measurement }) => ({ at, measurement: JSON.parse(measurement) as object })),
        })
      },
    }),
  ]
}

function changeRoutes(parts: ApiParts, site: SiteView): readonly Route[] {
  return [
    route({
      method: 'PUT',
      path: '/v1/hosts/:host/measurement',
      access: 'operator',
      tag: TAG,
      summary: 'Registers a host, or tells what was measured on it anew.',
      body: MeasurementBody,
      bodyBytesMax: HOST_MEASUREMENT_BYTES_MAX,
      answer: HostChanged,
      handle: async ({ host, body, caller }) => {
        const measurement = parseHostMeasurement(body)
        if (measurement.hostId !== host)
          return invalid(
            `It was measured on ${measurement.hostId}, and the path names ${host}.`,
            'Was it sent for the right host? `ethos hosts add FILE --host-id NAME` lets it count for another.',
          )
        const row = { hostId: host, measurement: JSON.stringify(measurement), changedAt: parts.clock.now() }
        await parts.store.hosts.put(row)
        return changed(parts, site, { row, who: caller.name })
      },
    }),
    route({
      method: 'PUT',
      path: '/v1/hosts/:host/corrections',
      access: 'operator',
      tag: TAG,
      summary: 'Says of a host what was not measured, or not rightly; it stands before what was measured.',
      description:
        'Replaces what was said before; `{}` takes all of it back. With `isPartial` what is left out stays as it was said.',
      query: CORRECTIONS_QUERY,
      body: CorrectionsBody,
      answer: HostChanged,
      handle: ({ host, body, query, caller }) =>
        correct(parts, site, { host, body, isPartial: query.isPartial === true, who: caller.name }),
    }),
    route({
      method: 'DELETE',
      path: '/v1/hosts/:host',
      access: 'admin',
      tag: TAG,
      summary:
        'Takes a host off the list, with what it reported and what was measured. It is not heard until it is put there again.',
      handle: async ({ host, caller }) => {
        const { store, clock } = parts
        if (!(await store.hosts.remove(host))) return UNKNOWN
        site.forget()
        await store.audit.add({
          at: clock.now(),
          what: 'host removed',
          about: host,
          from: caller.name,
          reason: 'asked over the API',
        })
        return DONE
      },
    }),
  ]
}

interface Correction {
  readonly host: HostId
  readonly body: object
  /** What is left out stays as it was said. */
  readonly isPartial: boolean
  readonly who: string
}

/** Others may correct the same host meanwhile, over this server or another: what was read is then read anew, so often. */
const TRIES = 5

async function correct(parts: ApiParts, site: SiteView, { host, body, isPartial, who }: Correction): Promise<Reply> {
  const { store, clock } = parts
  for (let tried = 0; tried < TRIES; tried++) {
    const standing = isPartial ? (await store.hosts.find(host))?.corrections : undefined
    const said =
      standing === undefined ? {} : orDamaged('What is corrected of this host', () => parseStanding(standing))
    const corrections = JSON.stringify(parseConclusion({ ...said, ...body }, 'corrections'))
    const row = { hostId: host, corrections, changedAt: clock.now() }
    const expected = standing === undefined ? {} : { corrections: standing }
    if (await store.hosts.put(row, ...(isPartial ? [expected] : []))) return changed(parts, site, { row, who })
  }
  return conflict(`Others correct ${host} at the same time.`, 'Ask again in a moment.')
}

function parseStanding(text: string): object {
  return parseFields(parseJson(text, 'corrections'), 'corrections')
}

/** Writes a change down, and tells what comes of it. */
async function changed(
  { store }: ApiParts,
  site: SiteView,
  { row, who }: { readonly row: HostRow; readonly who: string },
): Promise<Reply> {
  const { hostId: host, changedAt: at, ...what } = row
  const reason = `new ${Object.keys(what).join(', ')}`
  await store.audit.add({ at, what: 'host changed', about: host, from: who, reason })
  site.forget()
  const record = readRow((await store.hosts.find(host)) ?? row)
  return value({ host, isComplete: !('lacking' in record), ...('lacking' in record ? record : {}) })
}

function viewHost({ host, row, report, characteristics, lacking }: SeenHost, now: EpochMs): HostView {
  return withoutAbsent<HostView>({
    host,
    isComplete: characteristics !== undefined,
    lacking: characteristics === undefined ? lacking : undefined,
    model: characteristics?.model,
    cpuType: characteristics?.cpuType,
    cores: characteristics?.cores,
    refCoresPerCore: characteristics?.refCoresPerCore,
    memoryBytes: characteristics?.memoryBytes,
    storageType: characteristics?.storageType,
    changedAt: row?.changedAt,
    state: report?.state,
    reportedAt: report?.arrivedAt,
    reportAgeMs: report === undefined ? undefined : Math.max(0, now - report.arrivedAt),
    cpuRefCoresMean: report?.cpuRefCoresMean,
    cpuRefCoresMax: report?.cpuRefCoresMax,
    memoryUsedBytes: report?.memoryUsedBytes,
    watts: report?.watts,
    vmCount: report?.vms.length,
  })
}
