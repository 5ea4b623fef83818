import { type HostCharacteristics, parseHost } from './host.ts'
import type { HostId } from './ids.ts'
import { parseFields, parseJson } from './parse.ts'

/** What is known of a host: what was measured on it, and what an operator says instead, each as JSON text. */
export interface HostDocuments {
  readonly hostId: HostId
  /** A `HostMeasurement`, whose field `host` holds what it concluded about the host's characteristics. */
  readonly measurement?: string
  /** Some or all fields of `HostCharacteristics`; they win over what was measured, benchmark by benchmark. */
  readonly corrections?: string
}

/** The host as it counts: corrections over measurement. Throws a `ParseError` that names what is missing, such as a power curve. */
export function readHostRecord({ hostId, measurement, corrections }: HostDocuments): HostCharacteristics {
  const place = `host ${hostId}`
  const measured = measurement === undefined ? {} : parseFields(parseJson(measurement, place), place)
  const concluded = parseFields(measured['host'] ?? {}, `${place}.host`)
  const said = corrections === undefined ? {} : parseFields(parseJson(corrections, place), place)
  const benchmarks = {
    ...parseFields(concluded['benchmarks'] ?? {}, `${place}.benchmarks`),
    ...parseFields(said['benchmarks'] ?? {}, `${place}.benchmarks`),
  }
  return parseHost({ ...concluded, ...said, benchmarks, id: hostId }, place)
}
