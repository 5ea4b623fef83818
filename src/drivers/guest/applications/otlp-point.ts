/** One data point of OpenTelemetry metrics, however it travelled: what the JSON and the protobuf form of OTLP have in common. */
export interface MetricPoint {
  /** `service.name` of the resource; empty where it has none. */
  readonly service: string
  /** All attributes of the resource as one text: what tells two instances of a service apart. */
  readonly resource: string
  readonly metric: string
  readonly unit: string
  /** A total that only rises; a level; or durations with their number and sum (histograms of both kinds, summaries). */
  readonly kind: 'total' | 'level' | 'distribution'
  /** Each point holds only what happened since the one before, instead of since the start. */
  readonly isDelta: boolean
  readonly attributes: ReadonlyMap<string, string>
  readonly startMs: number
  readonly timeMs: number
  /** The total or the level; of a distribution the sum. */
  readonly value: number
  /** How many a distribution holds; 0 for others. */
  readonly count: number
}

/** Takes points as they are read. */
export type PointVisitor = (point: MetricPoint) => void

/** What is sent as metrics but can't be read as such. */
export class OtlpError extends Error {
  override readonly name = 'OtlpError'
}

/** More than this in one request is refused: an application has some hundred. */
export const POINTS_MAX = 10_000
/** Attributes of one point or resource that are looked at. */
export const ATTRIBUTES_MAX = 64
/** Letters of one attribute that are kept. */
export const TEXT_LENGTH_MAX = 256
/** A point that says it has no value (a series that ended): bit 0 of its flags. */
export const NO_VALUE = 1
/** AggregationTemporality. */
export const DELTA = 1
export const CUMULATIVE = 2

/** Attributes as one text, in a fixed order. */
export function textOf(attributes: ReadonlyMap<string, string>): string {
  return JSON.stringify([...attributes].toSorted(([a], [b]) => (a < b ? -1 : 1)))
}
