import { type Counts, known, type Rates } from './application.ts'
import { type MetricPoint, textOf } from './otlp-point.ts'
import { isSelected, type Selector } from './selector.ts'
import type { MetricMapping } from './settings.ts'

/** Series that are remembered, over all services: those beyond are rejected, and whoever sent them is told. */
export const SERIES_MAX = 2000
/** Services that are told apart. */
export const SERVICES_MAX = 32
/** A series or a service that was silent for so long makes room for others when there is none. */
const SILENT_MS = 600_000
/** A level of a series that fell silent, such as that of an instance that ended, is no level any more: after five reports at the default of one a
 *  minute (OTEL_METRIC_EXPORT_INTERVAL). */
const LEVEL_MS_MAX = 300_000

/** Durations of requests that a service serves: semantic conventions 1.23 and newer, and the names before. */
const SERVED = new Set([
  'http.server.request.duration',
  'http.server.duration',
  'rpc.server.call.duration',
  'rpc.server.duration',
  'messaging.process.duration',
])
/** What it asks of databases: taken for the service's work only where it serves nothing, for what is served is made of it. */
const ASKED = new Set(['db.client.operation.duration'])
const METHODS = ['http.request.method', 'http.method']
const READING_METHODS = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY'])
const OPERATIONS = ['db.operation.name', 'db.operation']
const READING_OPERATIONS = new Set(
  'SELECT GET MGET HGET HGETALL FIND FINDONE AGGREGATE COUNT SCAN QUERY SEARCH EXISTS'.split(' '),
)

const MS_PER_UNIT: Readonly<Record<string, number>> = { s: 1000, ms: 1, us: 1e-3, ns: 1e-6 }

/** Running totals of one service. */
interface Totals {
  requests: number
  timedMs: number
  timedRequests: number
  reads: number
  classified: number
}

interface Level {
  readonly value: number
  readonly atMs: number
}

interface Service {
  readonly name: string
  readonly served: Totals
  readonly asked: Totals
  /** By key of the mapping. Those that nobody told are not there. */
  readonly mapped: Map<string, number>
  /** By key of the mapping, then by series. */
  readonly levels: Map<string, Map<string, Level>>
  hasServed: boolean
  hasAsked: boolean
  atMs: number
}

interface Series {
  startMs: number
  timeMs: number
  value: number
  count: number
  seenMs: number
}

/** Turns points of many series, cumulative or delta, into running totals per service. */
export class OtlpStore {
  private readonly mapping: MetricMapping
  private readonly isMapped: boolean
  private readonly digest: (text: string) => string
  private readonly sinceMs: number
  private readonly series = new Map<string, Series>()
  private readonly all = new Map<string, Service>()

  /** @param sinceMs wall time from which on we listen: a total that began later is ours from its start
   *  @param digest a short name of a text; series are told apart by it, and their attributes are not kept */
  constructor(mapping: MetricMapping, { sinceMs, digest }: { sinceMs: number; digest: (text: string) => string }) {
    this.mapping = mapping
    this.isMapped = Object.keys(mapping).length > 0
    this.digest = digest
    this.sinceMs = sinceMs
  }

  get services(): readonly string[] {
    return [...this.all.keys()]
  }

  /** Takes a point that came at `nowMs` of monotonic time. False where there is no room for its series. Points that nobody uses are
   *  taken, and forgotten. */
  take(point: MetricPoint, nowMs: number): boolean {
    if (!this.isWanted(point)) return true
    // Nothing that is counted or timed reaches 2^53; one such point would drown all that come after it.
    const isTelling =
      Math.abs(point.value) <= Number.MAX_SAFE_INTEGER && point.count >= 0 && point.count <= Number.MAX_SAFE_INTEGER
    if (!isTelling || (point.kind !== 'level' && point.value < 0)) return true
    const service = this.serviceOf(point.service, nowMs)
    const key = this.digest([point.resource, point.metric, textOf(point.attributes)].join('\n'))
    const series = service === undefined ? undefined : this.seriesOf(key, nowMs)
    if (service === undefined || series === undefined) return false
    service.atMs = nowMs
    if (point.kind === 'level') this.setLevels(service, point, key)
    else this.addTotals(service, point, this.risen(series, point))
    series.timeMs = point.timeMs
    return true
  }

  /** When a service told something last, in monotonic time. */
  lastMsOf(name: string): number | undefined {
    return this.all.get(name)?.atMs
  }

  /** What a service has told so far. */
  countsOf(name: string): Counts | undefined {
    const service = this.all.get(name)
    if (service === undefined) return undefined
    if (this.isMapped) return this.mappedCounts(service)
    const totals = service.hasServed ? service.served : service.hasAsked ? service.asked : undefined
    return totals === undefined ? { atMs: service.atMs } : { atMs: service.atMs, ...totals }
  }

  private isWanted({ metric, kind, attributes }: MetricPoint): boolean {
    if (!this.isMapped) return kind === 'distribution' && (SERVED.has(metric) || ASKED.has(metric))
    return this.selectedKeys(metric, attributes).length > 0
  }

  private serviceOf(name: string, nowMs: number): Service | undefined {
    let service = this.all.get(name)
    if (service === undefined && this.all.size >= SERVICES_MAX) this.forgetServices(nowMs)
    if (service === undefined && this.all.size < SERVICES_MAX) {
      service = {
        name,
        served: noTotals(),
        asked: noTotals(),
        mapped: new Map(),
        levels: new Map(),
        hasServed: false,
        hasAsked: false,
        atMs: nowMs,
      }
      this.all.set(name, service)
    }
    return service
  }

  private seriesOf(key: string, nowMs: number): Series | undefined {
    let series = this.series.get(key)
    if (series === undefined) {
      if (this.series.size >= SERIES_MAX) this.forgetSilent(nowMs)
      if (this.series.size >= SERIES_MAX) return undefined
      series = { startMs: 0, timeMs: -1, value: 0, count: 0, seenMs: nowMs }
      this.series.set(key, series)
    }
    series.seenMs = nowMs
    return series
  }

  private forgetSilent(nowMs: number): void {
    for (const [key, { seenMs }] of this.series) {
      if (nowMs - seenMs < SILENT_MS) continue
      this.series.delete(key)
      for (const { levels } of this.all.values()) for (const byKey of levels.values()) byKey.delete(key)
    }
  }

  private forgetServices(nowMs: number): void {
    for (const [name, { atMs }] of this.all) if (nowMs - atMs >= SILENT_MS) this.all.delete(name)
  }

  /** How much a total rose by a point. One that was sent again, or overtaken, adds nothing. */
  private risen(series: Series, point: MetricPoint): { readonly value: number; readonly count: number } {
    const isFirst = series.timeMs < 0
    const was = { ...series }
    if (!isFirst && point.timeMs <= series.timeMs) return { value: 0, count: 0 }
    if (point.isDelta) return { value: point.value, count: point.count }
    series.startMs = point.startMs
    series.value = point.value
    series.count = point.count
    const whole = { value: point.value, count: point.count }
    // What a series held before we listened is no news. One that began since, or began anew, is all news.
    if (isFirst) return point.startMs >= this.sinceMs ? whole : { value: 0, count: 0 }
    const hasRestarted = point.startMs > was.startMs || point.value < was.value || point.count < was.count
    return hasRestarted ? whole : { value: point.value - was.value, count: point.count - was.count }
  }

  private addTotals(
    service: Service,
    point: MetricPoint,
    by: { readonly value: number; readonly count: number },
  ): void {
    const scale = MS_PER_UNIT[point.unit] ?? (this.mapping.latencyUnit === 'ms' ? 1 : 1000)
    const times = point.kind === 'distribution' ? by.count : by.value
    if (this.isMapped) {
      for (const key of this.selectedKeys(point.metric, point.attributes)) {
        if (key === 'latency') {
          add(service.mapped, 'timedMs', by.value * scale)
          add(service.mapped, 'timedRequests', by.count)
        } else if (key === 'lockWaitSeconds') add(service.mapped, key, (by.value * scale) / 1000)
        else add(service.mapped, key, times)
      }
      return
    }
    const isServed = SERVED.has(point.metric)
    if (isServed) service.hasServed = true
    else service.hasAsked = true
    const totals = isServed ? service.served : service.asked
    const isRead = readsOnly(point.attributes)
    totals.requests += by.count
    totals.timedRequests += by.count
    totals.timedMs += by.value * scale
    if (isRead === undefined) return
    totals.classified += by.count
    if (isRead) totals.reads += by.count
  }

  private setLevels(service: Service, point: MetricPoint, series: string): void {
    for (const key of this.selectedKeys(point.metric, point.attributes)) {
      const byKey = service.levels.get(key) ?? new Map<string, Level>()
      byKey.set(series, { value: point.value, atMs: service.atMs })
      service.levels.set(key, byKey)
    }
  }

  private selectedKeys(metric: string, attributes: ReadonlyMap<string, string>): readonly string[] {
    return Object.entries(this.mapping).flatMap(([key, selectors]) =>
      Array.isArray(selectors) &&
      (selectors as readonly Selector[]).some(
        (selector) => selector.metric === metric && isSelected(selector, (name) => attributes.get(name)),
      )
        ? [key]
        : [],
    )
  }

  private mappedCounts({ mapped, levels, atMs }: Service): Counts {
    const timedRequests = mapped.get('timedRequests')
    const requests = mapped.get('requests') ?? timedRequests
    const reads = mapped.get('reads')
    const writes = mapped.get('writes')
    const classified =
      writes === undefined
        ? reads === undefined
          ? undefined
          : requests
        : reads === undefined
          ? requests
          : reads + writes
    const hits = mapped.get('cacheHits')
    const misses = mapped.get('cacheMisses')
    const locked = mapped.get('lockWaitSeconds')
    const level = <Key extends keyof Rates>(key: Key, from: string, max: number) => {
      const now = [...(levels.get(from)?.values() ?? [])].filter((each) => atMs - each.atMs <= LEVEL_MS_MAX)
      const value = now.length === 0 ? undefined : now.reduce((sum, each) => sum + each.value, 0)
      return known(key, value !== undefined && value >= 0 && value <= max ? value : undefined)
    }
    return {
      atMs,
      ...known('requests', requests),
      ...known('timedRequests', timedRequests),
      ...known('timedMs', mapped.get('timedMs')),
      ...known('reads', reads ?? (requests !== undefined && writes !== undefined ? requests - writes : undefined)),
      ...known('classified', classified),
      ...known('cacheHits', hits),
      ...known('cacheLookups', hits === undefined || misses === undefined ? undefined : hits + misses),
      ...known('lockWaitMs', locked === undefined ? undefined : locked * 1000),
      levels: {
        ...level('requestsPerSec', 'requestsPerSec', Number.MAX_VALUE),
        ...level('latencyMsMean', 'latencyMs', Number.MAX_VALUE),
        ...level('readShare', 'readShare', 1),
        ...level('cacheHitShare', 'cacheHitShare', 1),
        ...level('lockWaitShare', 'lockWaitShare', 1),
      },
    }
  }
}

function noTotals(): Totals {
  return { requests: 0, timedMs: 0, timedRequests: 0, reads: 0, classified: 0 }
}

function add(totals: Map<string, number>, key: string, value: number): void {
  totals.set(key, (totals.get(key) ?? 0) + value)
}

/** Undefined where neither a method nor an operation is told. */
function readsOnly(attributes: ReadonlyMap<string, string>): boolean | undefined {
  for (const name of METHODS) {
    const method = attributes.get(name)
    if (method !== undefined) return READING_METHODS.has(method.toUpperCase())
  }
  for (const name of OPERATIONS) {
    const operation = attributes.get(name)
    if (operation !== undefined) return READING_OPERATIONS.has(operation.toUpperCase())
  }
  return undefined
}
