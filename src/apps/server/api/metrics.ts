/** Numbers for Prometheus. Every label has few values: routes by their pattern, reasons from a list that fills up. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import { INTENT_ENDS, type IntentEnd } from '../../../terms/intent.ts'
import type { Arrivals, Intake, SiteStore } from '../../../world/site-store.ts'

/** Words of one label at most; whatever comes then is `other`. */
const WORDS_MAX = 64
const WORD_LENGTH_MAX = 64
/** The library's own, which `promtool check metrics` complains of: no counters, and called `_total`. */
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total']
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15] as const

/** What is counted as it happens. What is looked up when somebody asks is `SiteMetrics`. */
export class Metrics {
  readonly registry = new Registry()
  private readonly words = new Map<string, Set<string>>()
  private readonly ingest: Counter<'outcome' | 'reason'>
  private readonly requests: Histogram<'method' | 'route' | 'status'>
  private readonly store: Histogram<'operation' | 'result'>
  private readonly turns: Histogram
  private readonly lateness: Histogram
  private readonly streamsEnded: Counter<'reason'>
  private readonly refusals: Counter<'code'>
  private readonly moves: Counter<'end'>
  private readonly cspReports = new Counter({
    name: 'ethos_csp_reports_total',
    help: 'Reports of browsers that the policy of the page kept something from happening.',
    registers: [this.registry],
  })

  constructor() {
    const registers = [this.registry]
    collectDefaultMetrics({ register: this.registry })
    for (const name of MISNAMED) this.registry.removeSingleMetric(name)
    this.ingest = new Counter({
      name: 'ethos_ingest_vectors_total',
      help: 'Personality vectors that arrived, by what became of them and why.',
      labelNames: ['outcome', 'reason'],
      registers,
    })
    this.requests = new Histogram({
      name: 'ethos_http_request_duration_seconds',
      help: 'Time from the request to the end of its answer.',
      labelNames: ['method', 'route', 'status'],
      buckets: [...SECONDS],
      registers,
    })
    this.store = new Histogram({
      name: 'ethos_store_duration_seconds',
      help: 'Time that the store took, waiting included.',
      labelNames: ['operation', 'result'],
      buckets: [...SECONDS],
      registers,
    })
    this.turns = new Histogram({
      name: 'ethos_turn_duration_seconds',
      help: 'Time that turns took.',
      buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60],
      registers,
    })
    this.lateness = new Histogram({
      name: 'ethos_turn_late_seconds',
      help: 'How late turns began.',
      buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60],
      registers,
    })
    this.streamsEnded = new Counter({
      name: 'ethos_event_streams_ended_total',
      help: 'Streams of events that ended, by why.',
      labelNames: ['reason'],
      registers,
    })
    this.moves = new Counter({
      name: 'ethos_moves_total',
      help: 'Moves that ended since the start of this process, by how.',
      labelNames: ['end'],
      registers,
    })
    for (const end of INTENT_ENDS) this.moves.inc({ end }, 0)
    this.refusals = new Counter({
      name: 'ethos_api_refused_total',
      help: 'Requests of the API that were refused, by the code that was answered.',
      labelNames: ['code'],
      registers,
    })
  }

  /** @param reason why, in few words; empty where there is nothing to explain */
  ingested(outcome: 'accepted' | 'duplicate' | 'refused' | 'shut-out', reason: string, number = 1): void {
    this.ingest.inc({ outcome, reason: this.bounded('reason', reason) }, number)
  }

  /** @param route the pattern, never the path that was asked for */
  answered(request: { readonly method: string; readonly route: string; readonly status: number }, ms: number): void {
    const { method, route, status } = request
    this.requests.observe({ method, route, status: String(status) }, ms / 1000)
  }

  stored(operation: string, isGood: boolean, ms: number): void {
    this.store.observe({ operation, result: isGood ? 'good' : 'failed' }, ms / 1000)
  }

  turnTaken(ms: number): void {
    this.turns.observe(ms / 1000)
  }

  turnBegan(lateMs: number): void {
    this.lateness.observe(lateMs / 1000)
  }

  streamEnded(reason: 'reader' | 'stalled' | 'token' | 'session' | 'closing'): void {
    this.streamsEnded.inc({ reason })
  }

  moveEnded(end: IntentEnd): void {
    this.moves.inc({ end })
  }

  cspReported(): void {
    this.cspReports.inc()
  }

  refused(code: string): void {
    this.refusals.inc({ code })
  }

  private bounded(label: string, word: string): string {
    const known = this.words.get(label) ?? new Set()
    this.words.set(label, known)
    const short = word.slice(0, WORD_LENGTH_MAX)
    if (known.has(short)) return short
    if (known.size >= WORDS_MAX) return 'other'
    known.add(short)
    return short
  }
}

/** A number that is looked up whenever somebody asks for the metrics. */
export interface Looked {
  readonly name: string
  readonly help: string
  readonly label?: string
  /** Values by the label's word; one by the empty word where there is no label. Left out: not known now. */
  readonly look: () => Promise<Readonly<Record<string, number>>> | Readonly<Record<string, number>>
}

/** One that can't be looked up is missing; the others are told. */
export function addLooked(metrics: Metrics, gauges: readonly Looked[]): void {
  for (const { name, help, label, look } of gauges) {
    const gauge: Gauge = new Gauge({
      name,
      help,
      labelNames: label === undefined ? [] : [label],
      registers: [metrics.registry],
      async collect() {
        gauge.reset()
        // A gauge without labels is 0 after a reset, and absent is not zero.
        if (label === undefined) gauge.remove()
        const found = await Promise.resolve(look()).catch(() => ({}))
        for (const [word, number] of Object.entries(found))
          if (label === undefined) gauge.set(number)
          else gauge.set({ [label]: word }, number)
      },
    })
  }
}

/** The same store; what each of its operations takes is told to the metrics, and what became of each vector. */
export function timed(store: SiteStore, metrics: Metrics): SiteStore {
  return new Proxy(store, {
    get(target, name) {
      const part: unknown = Reflect.get(target, name, target)
      if (typeof part === 'function') return part.bind(target) as unknown
      return typeof part === 'object' && part !== null ? timedPart(part, String(name), metrics) : part
    },
  })
}

const wrapped = new WeakMap<object, object>()

function timedPart(part: object, group: string, metrics: Metrics): object {
  const known = wrapped.get(part)
  if (known !== undefined) return known
  const proxy = new Proxy(part, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name, target)
      if (typeof method !== 'function') return method
      return async (...given: unknown[]) => {
        const begin = performance.now()
        let isGood = false
        try {
          const result: unknown = await (method.apply(target, given) as unknown)
          isGood = true
          if (group === 'vectors' && name === 'take') countArrivals(metrics, given[0], result)
          if (group === 'identities' && name === 'count') countRefused(metrics, String(given[1]), Number(given[2]))
          return result
        } finally {
          metrics.stored(`${group}.${String(name)}`, isGood, performance.now() - begin)
        }
      }
    },
  })
  wrapped.set(part, proxy)
  return proxy
}

const REFUSED = 'refused: '

/** What is counted of a VM otherwise, such as that it was told to come later, is of requests. */
export function countRefused(metrics: Metrics, word: string, number: number): void {
  if (number > 0 && word.startsWith(REFUSED)) metrics.ingested('refused', word.slice(REFUSED.length), number)
}

/** What the gate counted before, and what the store says of the rest. */
function countArrivals(metrics: Metrics, arrivals: unknown, intakes: unknown): void {
  for (const { counts } of arrivals as readonly Arrivals[])
    for (const [word, number] of Object.entries(counts)) countRefused(metrics, word, number)
  for (const [i, intake] of (intakes as readonly Intake[]).entries()) {
    const told = (arrivals as readonly Arrivals[])[i]?.vectors.length ?? 0
    if (intake.kind === 'shut-out') {
      metrics.ingested('shut-out', intake.because, told)
      continue
    }
    const accepted = intake.outcomes.filter((outcome) => outcome === 'accepted').length
    metrics.ingested('accepted', '', accepted)
    metrics.ingested('duplicate', '', intake.outcomes.length - accepted)
    if (intake.quarantine !== undefined) metrics.ingested('shut-out', 'quarantined', told - intake.outcomes.length)
  }
}
