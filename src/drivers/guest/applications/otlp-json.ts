/** ExportMetricsServiceRequest of OTLP 1.x in JSON: the same as in protobuf, names in lower camel case, 64-bit numbers as text. */
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

const NANO_PER_MS = 1e6

/** Visits every point. Throws `OtlpError` for text that is no such message. */
export function visitJson(text: string, visit: PointVisitor): void {
  let points = 0
  for (const resource of list(fields(parsed(text))['resourceMetrics'])) {
    const attributes = readAttributes(fields(resource['resource'])['attributes'])
    const owner = { service: attributes.get('service.name') ?? '', resource: textOf(attributes) }
    for (const scope of list(resource['scopeMetrics'])) {
      for (const metric of list(scope['metrics'])) {
        const name = textIn(metric['name'])
        const unit = textIn(metric['unit'])
        for (const [key, isDistribution] of SHAPES) {
          if (metric[key] === undefined) continue
          const data = fields(metric[key])
          const temporality = 'aggregationTemporality' in data ? numberIn(data['aggregationTemporality']) : CUMULATIVE
          if (temporality !== DELTA && temporality !== CUMULATIVE) continue
          const isTotal = key === 'sum' && data['isMonotonic'] === true
          const kind = isDistribution ? 'distribution' : isTotal ? 'total' : 'level'
          const common = { ...owner, metric: name, unit, kind, isDelta: temporality === DELTA } as const
          for (const point of list(data['dataPoints'])) {
            if (++points > POINTS_MAX) throw new OtlpError(`more than ${POINTS_MAX} points in one request`)
            readPoint(point, common, visit)
          }
        }
      }
    }
  }
}

const SHAPES = [
  ['gauge', false],
  ['sum', false],
  ['histogram', true],
  ['exponentialHistogram', true],
  ['summary', true],
] as const

type Fields = Readonly<Record<string, unknown>>

function readPoint(
  point: Fields,
  common: Pick<MetricPoint, 'service' | 'resource' | 'metric' | 'unit' | 'kind' | 'isDelta'>,
  visit: PointVisitor,
): void {
  const flags = point['flags'] === undefined ? 0 : numberIn(point['flags'])
  if ((flags & NO_VALUE) !== 0) return
  const isDistribution = common.kind === 'distribution'
  visit({
    ...common,
    attributes: readAttributes(point['attributes']),
    startMs: numberOr(point['startTimeUnixNano'], 0) / NANO_PER_MS,
    timeMs: numberOr(point['timeUnixNano'], 0) / NANO_PER_MS,
    value: numberOr(isDistribution ? point['sum'] : (point['asDouble'] ?? point['asInt']), Number.NaN),
    count: isDistribution ? numberOr(point['count'], 0) : 0,
  })
}

function readAttributes(value: unknown): ReadonlyMap<string, string> {
  const attributes = new Map<string, string>()
  for (const pair of list(value).slice(0, ATTRIBUTES_MAX)) {
    const any = fields(pair['value'])
    const scalar = any['stringValue'] ?? any['boolValue'] ?? any['intValue'] ?? any['doubleValue'] ?? ''
    const isScalar = typeof scalar === 'string' || typeof scalar === 'number' || typeof scalar === 'boolean'
    attributes.set(textIn(pair['key']), isScalar ? String(scalar).slice(0, TEXT_LENGTH_MAX) : '')
  }
  return attributes
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new OtlpError('this is no JSON')
  }
}

function fields(value: unknown): Fields {
  if (value === undefined) return {}
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields
  throw new OtlpError('an object was expected')
}

function list(value: unknown): readonly Fields[] {
  if (value === undefined) return []
  if (!Array.isArray(value)) throw new OtlpError('a list was expected')
  return value.map(fields)
}

function textIn(value: unknown): string {
  if (value === undefined) return ''
  if (typeof value !== 'string') throw new OtlpError('a text was expected')
  return value.slice(0, TEXT_LENGTH_MAX)
}

function numberOr(value: unknown, otherwise: number): number {
  return value === undefined ? otherwise : numberIn(value)
}

/** Numbers, numbers as text, and the three that JSON has no number for. */
function numberIn(value: unknown): number {
  if (typeof value === 'number') return value
  if (typeof value === 'string' && /^-?\d{1,20}(\.\d{1,20})?(e[+-]?\d{1,3})?$/i.test(value)) return Number(value)
  if (value === 'NaN') return Number.NaN
  if (value === 'Infinity') return Infinity
  if (value === '-Infinity') return -Infinity
  throw new OtlpError('a number was expected')
}
