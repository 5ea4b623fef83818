/** Reads the Azure VM noise data (TUNA, EuroSys 2025) as pivoted and log-quantised files: see `tools/evaluate-benchmarks.ts --help` for the form. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { parseFields, parseJson, parseList, parseNumber, parseText } from '../../src/terms/parse.ts'
import { describeMetric, type MetricName } from './catalogue.ts'

/** q is 0 for missing, otherwise value = median x 2^((q - 32768) / 4096). */
const QUANTA_PER_OCTAVE = 4096
const QUANTUM_ZERO = 32768

/** One column: a benchmark's result in one unit. */
export interface Metric extends MetricName {
  readonly index: number
  /** As the data name it. */
  readonly original: { readonly suite: string; readonly test: string; readonly unit: string }
  /** Median that the file's quanta are relative to, in the metric's unit. */
  readonly median: number
}

/** VMs of one size in one region. */
export interface VmGroup {
  readonly name: string
  readonly region: string
  readonly sku: string
  readonly vms: number
  readonly metrics: readonly Metric[]
  /** One column per metric, one natural logarithm of value over `median` per VM; NaN is missing. */
  readonly logs: readonly Float64Array[]
  /** When the suite of each VM began, minutes after 2023-05-28. */
  readonly startMinutes: Uint32Array
}

/** One benchmark again and again on one long-lived VM. */
export interface LongSeries {
  readonly region: string
  readonly sku: string
  readonly name: string
  /** Natural logarithms over the series' median, in the order of time, missing ones left out. */
  readonly logs: Float64Array
}

/** Names of the groups that `short_meta.json` describes, whether or not their data are there. */
export function groupNames(folder: string): readonly string[] {
  return readGroups(folder).map((group) => parseText(group['name'], 'short_meta.json name'))
}

/** One group by its name, with or without `short_`. Throws `ParseError`, or the file system's error where a file is lacking. */
export function readGroup(folder: string, name: string): VmGroup {
  const fields = readGroups(folder).find(({ name: one }) => one === name || one === `short_${name}`)
  if (fields === undefined)
    throw new Error(`No group ${name} in short_meta.json. There are: ${groupNames(folder).join(', ')}.`)
  const file = parseText(fields['name'], 'name')
  const metrics = parseList(fields['metrics'], `${file}.metrics`).map(parseMetric)
  const quanta = readGzip(folder, `${file}.u16.gz`)
  const vms = parseNumber(fields['vms'], `${file}.vms`)
  if (quanta.length !== vms * metrics.length * 2) {
    throw new Error(
      `${file}.u16.gz holds ${quanta.length} bytes; ${vms} VMs x ${metrics.length} metrics x 2 were expected.`,
    )
  }
  const starts = readGzip(folder, `${file}.start_min.u32.gz`)
  if (starts.length !== vms * 4)
    throw new Error(`${file}.start_min.u32.gz holds ${starts.length} bytes; ${vms * 4} expected.`)
  return {
    name: file,
    region: parseText(fields['region'], 'region'),
    sku: parseText(fields['sku'], 'sku'),
    vms,
    metrics,
    logs: metrics.map((_, column) => columnOf(quanta, { vms, columns: metrics.length, column })),
    startMinutes: Uint32Array.from({ length: vms }, (_, vm) => starts.readUInt32LE(vm * 4)),
  }
}

/** All long series of one region and VM size; of all regions where `region` is absent. */
export function readLongSeries(folder: string, sku: string, region?: string): readonly LongSeries[] {
  const meta = parseFields(parseJson(readFileSync(join(folder, 'long_meta.json'), 'utf8'), 'long_meta.json'), 'long')
  const bytes = readGzip(folder, 'long_selected.bin.gz')
  return parseList(meta['series'], 'long_meta.json series')
    .map((series, i) => parseFields(series, `series[${i}]`))
    .filter((fields) => fields['sku'] === sku && (region === undefined || fields['region'] === region))
    .map((fields) => {
      const length = parseNumber(fields['n'], 'n')
      const offset = parseNumber(fields['offset'], 'offset') + 4 * length
      const logs = Float64Array.from({ length }, (_, i) => logOf(bytes.readUInt16LE(offset + 2 * i)))
      return {
        region: parseText(fields['region'], 'region'),
        sku,
        name: describeMetric(namesOf(fields)).name,
        logs: logs.filter((log) => !Number.isNaN(log)),
      }
    })
}

function readGroups(folder: string): readonly Readonly<Record<string, unknown>>[] {
  const meta = parseFields(parseJson(readFileSync(join(folder, 'short_meta.json'), 'utf8'), 'short_meta.json'), 'short')
  return parseList(meta['groups'], 'short_meta.json groups').map((group, i) => parseFields(group, `groups[${i}]`))
}

function parseMetric(value: unknown, index: number): Metric {
  const fields = parseFields(value, `metrics[${index}]`)
  const original = namesOf(fields)
  return {
    ...describeMetric(original),
    index,
    original,
    median: parseNumber(fields['median'], `metrics[${index}].median`),
  }
}

function namesOf(fields: Readonly<Record<string, unknown>>): Parameters<typeof describeMetric>[0] {
  return {
    suite: parseText(fields['suite'], 'suite'),
    test: parseText(fields['test'], 'test'),
    unit: parseText(fields['unit'], 'unit'),
  }
}

function readGzip(folder: string, name: string): Buffer {
  return gunzipSync(readFileSync(join(folder, name)))
}

function columnOf(
  quanta: Buffer,
  { vms, columns, column }: { readonly vms: number; readonly columns: number; readonly column: number },
): Float64Array {
  return Float64Array.from({ length: vms }, (_, vm) => logOf(quanta.readUInt16LE((vm * columns + column) * 2)))
}

function logOf(quantum: number): number {
  return quantum === 0 ? Number.NaN : ((quantum - QUANTUM_ZERO) / QUANTA_PER_OCTAVE) * Math.LN2
}
