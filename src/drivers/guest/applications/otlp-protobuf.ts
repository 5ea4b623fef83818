/** ExportMetricsServiceRequest of OTLP 1.x in protobuf, as far as it tells numbers: buckets, exemplars and descriptions are passed over. Field
 *  numbers are those of opentelemetry/proto/metrics/v1/metrics.proto. */
import {
  ATTRIBUTES_MAX,
  CUMULATIVE,
  DELTA,
  type MetricPoint,
  NO_VALUE,
  OtlpError,
  POINTS_MAX,
  type PointVisitor,
  TEXT_LENGTH_MAX,
  textOf,
} from './otlp-point.ts'

const VARINT = 0
const FIXED64 = 1
const BYTES = 2
const FIXED32 = 5
/** Fields of one message that are visited; points have a bound of their own. */
const FIELDS_MAX = 100_000
const NANO_PER_MS = 1e6

/** Visits every point. Throws `OtlpError` for bytes that are no such message. */
export function visitProtobuf(bytes: Uint8Array, visit: PointVisitor): void {
  let points = 0
  const counted: PointVisitor = (point) => {
    if (++points > POINTS_MAX) throw new OtlpError(`more than ${POINTS_MAX} points in one request`)
    visit(point)
  }
  eachField(bytes, (field, value) => {
    if (field === 1) readResourceMetrics(bytesIn(value), counted)
  })
}

/** ResourceMetrics: resource 1, scope_metrics 2. */
function readResourceMetrics(bytes: Uint8Array, visit: PointVisitor): void {
  let attributes: ReadonlyMap<string, string> = new Map()
  eachField(bytes, (field, value) => {
    if (field === 1) attributes = readAttributes(bytesIn(value), 1)
  })
  const owner = { service: attributes.get('service.name') ?? '', resource: textOf(attributes) }
  eachField(bytes, (field, value) => {
    if (field !== 2) return
    // ScopeMetrics: metrics 2.
    eachField(bytesIn(value), (inner, metric) => {
      if (inner === 2) readMetric(bytesIn(metric), owner, visit)
    })
  })
}

/** Metric: name 1, unit 3, gauge 5, sum 7, histogram 9, exponential_histogram 10, summary 11. Name and unit may follow the data. */
function readMetric(
  bytes: Uint8Array,
  owner: { readonly service: string; readonly resource: string },
  visit: PointVisitor,
): void {
  let metric = ''
  let unit = ''
  eachField(bytes, (field, value) => {
    if (field === 1) metric = textIn(value)
    else if (field === 3) unit = textIn(value)
  })
  eachField(bytes, (field, value) => {
    const shape = SHAPES.get(field)
    if (shape === undefined) return
    const data = bytesIn(value)
    let temporality = CUMULATIVE
    let isMonotonic = false
    eachField(data, (inner, number) => {
      if (inner === 2 && shape.hasTemporality) temporality = numberIn(number)
      else if (inner === 3 && shape.isSum) isMonotonic = numberIn(number) !== 0
    })
    if (temporality !== DELTA && temporality !== CUMULATIVE) return
    const kind = shape.isDistribution ? 'distribution' : isMonotonic ? 'total' : 'level'
    const common = { ...owner, metric, unit, kind, isDelta: temporality === DELTA } as const
    eachField(data, (inner, point) => {
      if (inner === 1) readPoint(bytesIn(point), shape, common, visit)
    })
  })
}

interface Shape {
  readonly isDistribution: boolean
  readonly isSum: boolean
  readonly hasTemporality: boolean
  /** Where a point of it has its attributes and its flags. */
  readonly attributes: number
  readonly flags: number
}

const NUMBER = { isDistribution: false, isSum: false, hasTemporality: false, attributes: 7, flags: 8 }
const SHAPES: ReadonlyMap<number, Shape> = new Map([
  [5, NUMBER],
  [7, { ...NUMBER, isSum: true, hasTemporality: true }],
  [9, { isDistribution: true, isSum: false, hasTemporality: true, attributes: 9, flags: 10 }],
  [10, { isDistribution: true, isSum: false, hasTemporality: true, attributes: 1, flags: 10 }],
  [11, { isDistribution: true, isSum: false, hasTemporality: false, attributes: 7, flags: 8 }],
])

/** All kinds of points have their start in field 2 and their time in 3. Numbers have a double in 4 or an integer in 6; distributions their
 *  count in 4 and their sum in 5. */
function readPoint(
  bytes: Uint8Array,
  shape: Shape,
  common: Pick<MetricPoint, 'service' | 'resource' | 'metric' | 'unit' | 'kind' | 'isDelta'>,
  visit: PointVisitor,
): void {
  let startMs = 0
  let timeMs = 0
  let value = Number.NaN
  let count = 0
  let flags = 0
  eachField(bytes, (field, raw) => {
    if (field === 2) startMs = unsigned64(raw) / NANO_PER_MS
    else if (field === 3) timeMs = unsigned64(raw) / NANO_PER_MS
    else if (field === shape.flags) flags = numberIn(raw)
    else if (shape.isDistribution) {
      if (field === 4) count = unsigned64(raw)
      else if (field === 5) value = double(raw)
    } else if (field === 4) value = double(raw)
    else if (field === 6) value = signed64(raw)
  })
  if ((flags & NO_VALUE) !== 0) return
  visit({ ...common, attributes: readAttributes(bytes, shape.attributes), startMs, timeMs, value, count })
}

/** KeyValue: key 1, value 2. AnyValue: string 1, bool 2, int 3, double 4; lists and bytes say nothing to us. */
function readAttributes(bytes: Uint8Array, place: number): ReadonlyMap<string, string> {
  const attributes = new Map<string, string>()
  eachField(bytes, (field, pair) => {
    if (field !== place || attributes.size >= ATTRIBUTES_MAX) return
    let key = ''
    let text = ''
    eachField(bytesIn(pair), (inner, raw) => {
      if (inner === 1) key = textIn(raw)
      else if (inner === 2) text = anyValue(bytesIn(raw))
    })
    attributes.set(key, text)
  })
  return attributes
}

function anyValue(bytes: Uint8Array): string {
  let text = ''
  eachField(bytes, (field, raw) => {
    if (field === 1) text = textIn(raw)
    else if (field === 2) text = String(numberIn(raw) !== 0)
    else if (field === 3) text = String(numberIn(raw))
    else if (field === 4) text = String(double(raw))
  })
  return text
}

/** A field as it stands: a varint as a number, all else as bytes. */
type Raw = number | Uint8Array

function eachField(bytes: Uint8Array, visit: (field: number, raw: Raw) => void): void {
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let i = 0; i < 10; i++) {
      if (at >= bytes.length) throw new OtlpError('the message ends in the middle of a number')
      const byte = bytes[at++]
      // Beyond 2^53 digits are lost, which no length and no flag reaches.
      value += (byte & 0x7f) * 2 ** (7 * i)
      if (byte < 0x80) return value
    }
    throw new OtlpError('a number of more than ten bytes')
  }
  const take = (length: number): Uint8Array => {
    if (length > bytes.length - at) throw new OtlpError('a field is longer than its message')
    at += length
    return bytes.subarray(at - length, at)
  }
  for (let count = 0; at < bytes.length; count++) {
    if (count > FIELDS_MAX) throw new OtlpError('too many fields in one message')
    const tag = varint()
    const field = Math.floor(tag / 8)
    const wire = tag % 8
    if (wire === VARINT) visit(field, varint())
    else if (wire === FIXED64) visit(field, take(8))
    else if (wire === BYTES) visit(field, take(varint()))
    else if (wire === FIXED32) visit(field, take(4))
    else throw new OtlpError(`wire type ${wire} is not used by OTLP`)
  }
}

function bytesIn(raw: Raw): Uint8Array {
  if (typeof raw === 'number') throw new OtlpError('a number stands where a message should')
  return raw
}

function numberIn(raw: Raw): number {
  if (typeof raw !== 'number') throw new OtlpError('bytes stand where a number should')
  return raw
}

const DECODER = new TextDecoder()

function textIn(raw: Raw): string {
  // A letter has at most four bytes; a cut one at the end becomes the sign for that.
  return DECODER.decode(bytesIn(raw).subarray(0, TEXT_LENGTH_MAX * 4)).slice(0, TEXT_LENGTH_MAX)
}

function view(raw: Raw): DataView {
  const bytes = bytesIn(raw)
  if (bytes.length !== 8) throw new OtlpError('a number should have eight bytes here')
  return new DataView(bytes.buffer, bytes.byteOffset, 8)
}

function double(raw: Raw): number {
  return view(raw).getFloat64(0, true)
}

function unsigned64(raw: Raw): number {
  return Number(view(raw).getBigUint64(0, true))
}

function signed64(raw: Raw): number {
  return Number(view(raw).getBigInt64(0, true))
}
