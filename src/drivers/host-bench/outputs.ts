/** What the tools print, read strictly: one number each, or a `BenchmarkError` that says what was found instead. */
import { ParseError, parseFields, parseJson, parseList, parseNumber, show } from '../../terms/parse.ts'
import { BenchmarkError } from './benchmark-error.ts'

/** A rate of this and more is no benchmark's. */
const VALUE_MAX = 1e16

/** sysbench 1.0 has no JSON: `events per second: 2116.19`. */
export function readSysbenchEvents(text: string): number {
  return byPattern('sysbench', text, /^\s*events per second:\s+(?<value>\d+\.\d+)\n/m)
}

/** `6912.00 MiB transferred (6834.65 MiB/sec)`, as MiB/s. */
export function readSysbenchMemory(text: string): number {
  return byPattern('sysbench', text, /^[\d.]+ MiB transferred \((?<value>\d+\.\d+) MiB\/sec\)\n/m)
}

/** stress-ng --yaml: one stressor's field, `bogo-ops-per-second-real-time` or one of its own. */
export function readStressNg(text: string, stressor: string, field: string): number {
  const section = new RegExp(`^ {4}- stressor: ${stressor}\\n(?<body>(?: {6}.*\\n)+)`, 'm').exec(text)?.groups?.['body']
  if (section === undefined || !/^\.\.\.$/m.test(text)) throw unreadable('stress-ng', text, `metrics of ${stressor}`)
  return byPattern('stress-ng', section, new RegExp(`^ {6}${field}: (?<value>\\d+\\.\\d+)$`, 'm'))
}

/** openssl speed -mr of a cipher or digest at one size: `+F:25:AES-256-GCM:2241560576.00`, as bytes/s. */
export function readOpensslBytes(text: string): number {
  return byPattern('openssl', text, /^\+F:\d+:[\w-]+:(?<value>\d+\.\d+)\n/m)
}

/** openssl speed -mr of a signature: `+F2:2:2048:2409.090909:37675.925926` (RSA), `+F4:3:256:...` (ECDSA); signatures/s. */
export function readOpensslSigns(text: string): number {
  return byPattern('openssl', text, /^\+F[24]:\d+:\d+:(?<value>\d+\.\d+):\d+\.\d+\n/m)
}

/** fio --output-format=json: operations or bytes per second of one direction. Notices before the JSON are passed over. */
export function readFio(text: string, direction: 'read' | 'write', field: 'iops' | 'bw_bytes'): number {
  return byJson('fio', text, (value) => {
    const jobs = parseList(parseFields(value, 'fio')['jobs'], 'fio.jobs', 1)
    const job = parseFields(jobs[0], 'fio.jobs[0]')
    parseNumber(job['error'], 'fio.jobs[0].error', { min: 0, max: 0 })
    const place = `fio.jobs[0].${direction}`
    return parseNumber(parseFields(job[direction], place)[field], `${place}.${field}`, { min: 0, max: VALUE_MAX })
  })
}

/** iperf3 -J, as seen by the receiver: bytes/s. */
export function readIperf(text: string): number {
  return byJson('iperf3', text, (value) => {
    const end = parseFields(parseFields(value, 'iperf3')['end'], 'iperf3.end')
    const sum = parseFields(end['sum_received'], 'iperf3.end.sum_received')
    const bits = sum['bits_per_second']
    return parseNumber(bits, 'iperf3.end.sum_received.bits_per_second', { min: 0, max: VALUE_MAX }) / 8
  })
}

function byPattern(tool: string, text: string, pattern: RegExp): number {
  const value = Number(pattern.exec(text)?.groups?.['value'] ?? Number.NaN)
  if (value > 0 && value < VALUE_MAX) return value
  throw unreadable(tool, text, `a line like ${pattern.source}`)
}

function byJson(tool: string, text: string, read: (value: unknown) => number): number {
  const start = text.indexOf('{')
  try {
    const value = read(parseJson(start < 0 ? text : text.slice(start), tool))
    if (value > 0) return value
    throw new ParseError(tool, value, 'Nothing was done in its time.')
  } catch (cause) {
    if (!(cause instanceof ParseError)) throw cause
    throw new BenchmarkError('unreadable-output', tool, `${tool} answered what we can't read: ${cause.message}`, {
      cause,
    })
  }
}

function unreadable(tool: string, text: string, wanted: string): BenchmarkError {
  const message = `${tool} answered what we can't read: expected ${wanted}, got ${show(text.trim())}.`
  return new BenchmarkError('unreadable-output', tool, message)
}
