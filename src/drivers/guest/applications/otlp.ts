import { type HttpArrival, type HttpReply, type Listener, type Machine, MachineError } from '../machine.ts'
import type { Finding } from '../sampler.ts'
import { CollectError, type Collector, type Counts } from './application.ts'
import { visitJson } from './otlp-json.ts'
import { OtlpError, type PointVisitor } from './otlp-point.ts'
import { visitProtobuf } from './otlp-protobuf.ts'
import { OtlpStore } from './otlp-store.ts'
import type { OtlpSettings } from './settings.ts'
import { latin1, utf8Bytes } from './wire.ts'

/** Only programs in this VM may tell. */
const HOST = '127.0.0.1'
const BODY_BYTES_MAX = 1024 * 1024
const CONNECTIONS_MAX = 8
/** What is read of all reports together: so many bytes a second on average, and at once. A service with 300 series tells 60 KB a minute; reading
 *  took 130 ms of CPU time a MiB (measured, Node 24), so that nobody can make the agent busy for more than a hundredth of the time. */
const BYTES_PER_SEC_MAX = 64 * 1024
const BYTES_AT_ONCE_MAX = 4 * BODY_BYTES_MAX
const REPORT_BYTES_MIN = 1024
/** Where the port is taken, it is tried again this often. */
const RETRY_MS = 60_000
/** Exporters tell every minute by default (OTEL_METRIC_EXPORT_INTERVAL). */
const SILENT_MS = 300_000
const JSON_TYPE = 'application/json'
const PROTOBUF_TYPE = 'application/x-protobuf'
/** Codes of google.rpc.Status, which OTLP answers with. */
const INVALID_ARGUMENT = 3

/** Metrics that applications send by themselves: OTLP over HTTP, on loopback. One service is one application. */
export class OtlpReceiver {
  private readonly machine: Machine
  private readonly port: number
  private readonly store: OtlpStore
  private readonly collectors = new Map<string, Collector>()
  private listener: Listener | undefined
  private opening: Promise<void> | undefined
  private error: MachineError | undefined
  private triedMs = -Infinity
  private isClosed = false
  private budgetBytes = BYTES_AT_ONCE_MAX
  private budgetAtMs = 0

  constructor(machine: Machine, { port, mapping }: OtlpSettings) {
    this.machine = machine
    this.port = port
    const digest = (text: string): string => latin1(machine.secrets.digest('sha256', utf8Bytes(text)).subarray(0, 12))
    this.store = new OtlpStore(mapping, { sinceMs: machine.now(), digest })
  }

  /** Begins to listen if that is due. Never waited for by a look. */
  turn(nowMs: number): void {
    const isDue = this.listener === undefined && this.opening === undefined && nowMs - this.triedMs >= RETRY_MS
    if (!isDue || this.isClosed) return
    this.triedMs = nowMs
    this.opening = this.open()
  }

  /** A collector for each service that has told anything so far. */
  applications(): readonly Collector[] {
    const services = this.store.services
    for (const service of this.collectors.keys()) if (!services.includes(service)) this.collectors.delete(service)
    for (const service of services) {
      if (!this.collectors.has(service)) this.collectors.set(service, this.collectorOf(service))
    }
    return [...this.collectors.values()]
  }

  async finding(): Promise<Finding> {
    this.turn(this.machine.monotonicMs())
    await this.opening
    const base = { sampler: 'applications', what: `OTLP metrics at ${HOST}:${this.port}` } as const
    if (this.listener === undefined) {
      const because = this.error?.message ?? 'it is not listened there'
      return { ...base, state: 'absent', because, remedy: 'does another collector, or an agent, listen there already?' }
    }
    const count = this.store.services.length
    if (count > 0) return { ...base, state: 'seen', because: `${count} services have told something` }
    const remedy = `OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=http://${HOST}:${this.port}/v1/metrics for the applications`
    return { ...base, state: 'partly', because: 'it is listened, and nobody has told anything yet', remedy }
  }

  async close(): Promise<void> {
    this.isClosed = true
    await this.opening
    await this.listener?.close()
    this.listener = undefined
  }

  private async open(): Promise<void> {
    const limits = { bodyBytesMax: BODY_BYTES_MAX, connectionsMax: CONNECTIONS_MAX }
    try {
      this.listener = await this.machine.network.listen({ host: HOST, port: this.port }, limits, (arrival) =>
        this.answer(arrival),
      )
      this.error = undefined
    } catch (error) {
      this.error = error instanceof MachineError ? error : new MachineError('EUNKNOWN', String(error))
    }
    this.opening = undefined
  }

  private answer({ method, path, headers, body }: HttpArrival): HttpReply {
    if (path.split('?')[0] !== '/v1/metrics') return plain(404, 'Only metrics are taken: POST /v1/metrics')
    if (method !== 'POST') return plain(405, 'POST is expected here')
    const encoding = headers['content-encoding'] ?? 'identity'
    if (encoding !== 'identity')
      return plain(415, 'Only gzip is taken: set OTEL_EXPORTER_OTLP_COMPRESSION to gzip or none')
    const type = (headers['content-type'] ?? '').split(';')[0].trim().toLowerCase()
    if (type !== JSON_TYPE && type !== PROTOBUF_TYPE) return plain(415, `Expected ${PROTOBUF_TYPE} or ${JSON_TYPE}`)
    const isJson = type === JSON_TYPE
    const nowMs = this.machine.monotonicMs()
    if (!this.affords(body.length, nowMs)) return plain(429, 'Too much at once: try again later')
    let rejected = 0
    const visit: PointVisitor = (point) => {
      if (!this.store.take(point, nowMs)) rejected++
    }
    try {
      if (isJson) visitJson(DECODER.decode(body), visit)
      else visitProtobuf(body, visit)
    } catch (error) {
      if (!(error instanceof OtlpError)) throw error
      return refusal(isJson, error.message)
    }
    return taken(isJson, rejected)
  }

  /** Whether a report of so many bytes may be read now; takes it from the budget if so. */
  private affords(bytes: number, nowMs: number): boolean {
    const grown = this.budgetBytes + ((nowMs - this.budgetAtMs) / 1000) * BYTES_PER_SEC_MAX
    this.budgetBytes = Math.min(BYTES_AT_ONCE_MAX, grown)
    this.budgetAtMs = nowMs
    const cost = Math.max(REPORT_BYTES_MIN, bytes)
    if (cost > this.budgetBytes) return false
    this.budgetBytes -= cost
    return true
  }

  private collectorOf(service: string): Collector {
    const { store } = this
    return {
      // A name that a program gives itself is shown, and nothing of it is sent.
      title: `OTLP ${/^[\w.:/-]{1,60}$/.test(service) ? service : 'service'}`,
      place: `${HOST}:${this.port}`,
      collect: (): Promise<Counts> => {
        const counts = store.countsOf(service)
        return counts === undefined ? Promise.reject(new CollectError('nothing was told')) : Promise.resolve(counts)
      },
      lacks: () => {
        const silentMs = this.machine.monotonicMs() - (store.lastMsOf(service) ?? -Infinity)
        if (silentMs < SILENT_MS) return undefined
        return { because: `it has told nothing for ${Math.round(silentMs / 60_000)} min` }
      },
      close: () => undefined,
    }
  }
}

const DECODER = new TextDecoder()
const TOO_MANY = 'too many series: the agent has no room for them'

function plain(status: number, text: string): HttpReply {
  return { status, contentType: 'text/plain', body: `${text}\n` }
}

/** ExportMetricsServiceResponse: empty, or partial_success (1) with rejected_data_points (1) and error_message (2). */
function taken(isJson: boolean, rejected: number): HttpReply {
  if (isJson) {
    const body = rejected === 0 ? {} : { partialSuccess: { rejectedDataPoints: `${rejected}`, errorMessage: TOO_MANY } }
    return { status: 200, contentType: JSON_TYPE, body: JSON.stringify(body) }
  }
  const partial = Uint8Array.of(8, ...varint(rejected), 18, TOO_MANY.length, ...utf8Bytes(TOO_MANY))
  const body = rejected === 0 ? new Uint8Array(0) : Uint8Array.of(10, ...varint(partial.length), ...partial)
  return { status: 200, contentType: PROTOBUF_TYPE, body }
}

/** google.rpc.Status: code (1) and message (2). */
function refusal(isJson: boolean, message: string): HttpReply {
  if (isJson) return { status: 400, contentType: JSON_TYPE, body: JSON.stringify({ code: INVALID_ARGUMENT, message }) }
  const text = utf8Bytes(message)
  const body = Uint8Array.of(8, INVALID_ARGUMENT, 18, ...varint(text.length), ...text)
  return { status: 400, contentType: PROTOBUF_TYPE, body }
}

function varint(value: number): readonly number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))]
}
