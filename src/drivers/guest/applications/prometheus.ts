import type { Machine } from '../machine.ts'
import { CollectError, type Collector, type Counts, known, type Rates } from './application.ts'
import { hasMetric, visitSamples } from './exposition.ts'
import { readPage } from './page.ts'
import { isSelected, type Selector } from './selector.ts'
import type { MetricMapping, PrometheusSettings } from './settings.ts'

/** Exporters with several thousand series say some 500 KB. A page that is larger is refused, not cut: half of a sum is no sum. */
const PAGE_BYTES_MAX = 2 * 1024 * 1024
const ACCEPT = 'text/plain;version=0.0.4, application/openmetrics-text;version=1.0.0;q=0.5'

/** Histograms of the duration of served requests, by the names that libraries give them; the first that a page has is taken where nothing
 *  is mapped: OpenTelemetry, Micrometer, the usual clients, Prometheus itself. */
const USUAL_LATENCIES = [
  'http_server_request_duration_seconds',
  'http_server_requests_seconds',
  'http_request_duration_seconds',
  'prometheus_http_request_duration_seconds',
  'grpc_server_handling_seconds',
]
/** Counters of served requests, where there is no histogram. */
const USUAL_REQUESTS = ['http_server_requests_total', 'http_requests_total', 'requests_total']

/** When the process began, in seconds since 1970: most clients tell it. */
const START: readonly Selector[] = [{ metric: 'process_start_time_seconds', labels: [] }]

/** Any endpoint that speaks Prometheus or OpenMetrics, by a mapping from metrics to measures. */
export class PrometheusCollector implements Collector {
  readonly title: string
  readonly place: string
  private readonly machine: Machine
  private readonly settings: PrometheusSettings
  private missing: readonly string[] = []

  constructor(machine: Machine, settings: PrometheusSettings) {
    this.machine = machine
    this.settings = settings
    this.title = `Prometheus ${settings.name}`.trim()
    this.place = settings.url
  }

  async collect(): Promise<Counts> {
    const text = await readPage(this.machine, this.settings, { accept: ACCEPT, bytesMax: PAGE_BYTES_MAX })
    const mapping = Object.keys(this.settings.mapping).length > 0 ? this.settings.mapping : usualMapping(text)
    if (mapping === undefined) {
      const remedy = 'map its metrics: `requests = NAME{label="value"}`, `latency = NAME`'
      throw new CollectError('none of the usual metrics of requests is on this page', { isRefusal: true, remedy })
    }
    this.missing = missingMetrics(text, mapping)
    const startSec = sumOf(text, START, '')
    return { ...readMapped(text, mapping), ...known('uptimeSec', this.machine.now() / 1000 - startSec) }
  }

  lacks(): { readonly because: string } | undefined {
    if (this.missing.length === 0) return undefined
    return { because: `mapped, but not on the page (yet): ${this.missing.join(', ')}` }
  }

  close(): void {
    // Nothing: no connection is kept.
  }
}

function usualMapping(text: string): MetricMapping | undefined {
  const latency = USUAL_LATENCIES.find((metric) => hasMetric(text, `${metric}_count`))
  if (latency !== undefined) return { latency: [{ metric: latency, labels: [] }] }
  const requests = USUAL_REQUESTS.find((metric) => hasMetric(text, metric))
  return requests === undefined ? undefined : { requests: [{ metric: requests, labels: [] }] }
}

function missingMetrics(text: string, mapping: MetricMapping): readonly string[] {
  const { latency = [] } = mapping
  const others = Object.values(mapping).flatMap((value) =>
    value === latency || typeof value === 'string' ? [] : value,
  )
  return [
    ...others.filter(({ metric }) => !hasMetric(text, metric)),
    ...latency.filter(({ metric }) => !hasMetric(text, `${metric}_count`)),
  ].map(({ metric }) => metric)
}

/** The counts that a mapping finds on a page. A metric that is not there, or not a number, makes what needs it absent. */
export function readMapped(text: string, mapping: MetricMapping): Counts {
  const sum = (selectors: readonly Selector[] | undefined, suffix = ''): number | undefined =>
    selectors === undefined ? undefined : sumOf(text, selectors, suffix)
  const timedRequests = sum(mapping.latency, '_count')
  const timed = sum(mapping.latency, '_sum')
  const requests = sum(mapping.requests) ?? timedRequests
  const reads = sum(mapping.reads)
  const writes = sum(mapping.writes)
  const hits = sum(mapping.cacheHits)
  const misses = sum(mapping.cacheMisses)
  const lockSeconds = sum(mapping.lockWaitSeconds)
  const classified = writes === undefined ? requests : reads === undefined ? requests : reads + writes
  return {
    ...known('requests', requests),
    ...known('timedRequests', timedRequests),
    ...known('timedMs', timed === undefined ? undefined : timed * (mapping.latencyUnit === 'ms' ? 1 : 1000)),
    ...known('reads', reads ?? (requests !== undefined && writes !== undefined ? requests - writes : undefined)),
    ...known('classified', reads === undefined && writes === undefined ? undefined : classified),
    ...known('cacheHits', hits),
    ...known('cacheLookups', hits === undefined || misses === undefined ? undefined : hits + misses),
    ...known('lockWaitMs', lockSeconds === undefined ? undefined : lockSeconds * 1000),
    levels: levelsOf(sum, mapping),
  }
}

function levelsOf(
  sum: (selectors?: readonly Selector[]) => number | undefined,
  mapping: MetricMapping,
): Partial<Rates> {
  return {
    ...known('requestsPerSec', atLeastZero(sum(mapping.requestsPerSec))),
    ...known('latencyMsMean', atLeastZero(sum(mapping.latencyMs))),
    ...known('readShare', fraction(sum(mapping.readShare))),
    ...known('cacheHitShare', fraction(sum(mapping.cacheHitShare))),
    ...known('lockWaitShare', fraction(sum(mapping.lockWaitShare))),
  }
}

/** NaN where none of the metrics is there, one is no number, or there are too many to read. A metric that is there without a series of these
 *  labels adds nothing: a client shows none before the first request of that kind. */
function sumOf(text: string, selectors: readonly Selector[], suffix: string): number {
  let total = 0
  let isThere = false
  for (const selector of selectors) {
    const isWhole = visitSamples(text, selector.metric + suffix, (value, labelOf) => {
      isThere = true
      if (isSelected(selector, labelOf)) total += value
    })
    if (!isWhole) return Number.NaN
  }
  return isThere ? total : Number.NaN
}

function atLeastZero(value: number | undefined): number | undefined {
  return value !== undefined && value >= 0 ? value : undefined
}

function fraction(value: number | undefined): number | undefined {
  return value !== undefined && value >= 0 && value <= 1 ? value : undefined
}
