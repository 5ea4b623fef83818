import { ParseError, parseFields, parseList, parseNumber, parseWord } from './parse.ts'
import { RESOURCES, type Resource, type SampleBatch } from './sample.ts'

/** One JSON object: `at`, `windowMs`, and a list of numbers per resource, parallel to the VMs; null is absent. */
export function encodeSamples(batch: SampleBatch): string {
  const columns: Partial<Record<Resource, readonly (number | null)[]>> = {}
  for (const resource of RESOURCES) {
    const column = batch.columns[resource]
    if (column !== undefined) columns[resource] = Array.from(column, (value) => (Number.isNaN(value) ? null : value))
  }
  return JSON.stringify({ at: batch.at, windowMs: batch.windowMs, columns })
}

/** Reads what `encodeSamples` wrote, already parsed from JSON. Columns must be of one length; numbers finite and not negative.
 *  @param vms how many VMs the columns must be parallel to */
export function parseSamples(value: unknown, vms: number, place = 'samples'): SampleBatch {
  const fields = parseFields(value, place)
  const columns: Partial<Record<Resource, Float32Array>> = {}
  for (const [name, list] of Object.entries(parseFields(fields['columns'], `${place}.columns`))) {
    const resource = parseWord(name, `${place}.columns`, RESOURCES)
    columns[resource] = parseColumn(list, vms, `${place}.columns.${resource}`)
  }
  return {
    at: parseNumber(fields['at'], `${place}.at`),
    windowMs: parseNumber(fields['windowMs'], `${place}.windowMs`, { min: 1 }),
    columns,
  }
}

function parseColumn(value: unknown, vms: number, place: string): Float32Array {
  const list = parseList(value, place)
  if (list.length !== vms) throw new ParseError(place, list.length, `Expected ${vms} values, one per VM.`)
  return Float32Array.from(list, (item, i) => (item === null ? NaN : parseNumber(item, `${place}[${i}]`, { min: 0 })))
}
