/** `ethos agent --watch`: one look as a line for a person, or for a program. */
import { dimensionIndex, PERSONALITY_SCHEMA } from '../../terms/personality.ts'
import { MEASURES, type Measure, type Reading } from '../../terms/reading.ts'
import { showAmount } from './amounts.ts'

/** What cheap samplers measure: all but the processes, sockets, dirty pages, probes and applications. */
export const CHEAP_MEASURES: readonly Measure[] = MEASURES.slice(
  0,
  MEASURES.indexOf('netRetransmitsPerSec') + 1,
).filter((measure) => measure !== 'memoryDirtiedBytesPerSec')
/** No counter is known better over a second. */
const SIGNIFICANT_DIGITS = 6

interface Column {
  readonly measure: Measure
  readonly name: string
  readonly width: number
}

/** What a person wants to see at a glance; the rest is in `--print json`. */
const GROUPS: readonly { readonly name: string; readonly columns: readonly Column[] }[] = [
  {
    name: 'CPU',
    columns: [
      { measure: 'cpuRefCoresMean', name: 'cores', width: 7 },
      { measure: 'cpuUserShare', name: 'user', width: 7 },
      { measure: 'cpuSystemShare', name: 'system', width: 7 },
      { measure: 'cpuStealShare', name: 'steal', width: 6 },
      { measure: 'runQueueLength', name: 'queue', width: 6 },
    ],
  },
  {
    name: 'somebody waits for',
    columns: [
      { measure: 'cpuPressureSome', name: 'CPU', width: 7 },
      { measure: 'memoryPressureSome', name: 'memory', width: 7 },
      { measure: 'ioPressureSome', name: 'disk', width: 7 },
    ],
  },
  { name: 'memory', columns: [{ measure: 'memoryUsedBytes', name: 'used', width: 9 }] },
  {
    name: 'disk',
    columns: [
      { measure: 'diskReadBytesPerSec', name: 'read/s', width: 9 },
      { measure: 'diskWriteBytesPerSec', name: 'write/s', width: 9 },
      { measure: 'diskLatencyMs', name: 'takes', width: 8 },
    ],
  },
  {
    name: 'network',
    columns: [
      { measure: 'netReceiveBytesPerSec', name: 'in/s', width: 9 },
      { measure: 'netSendBytesPerSec', name: 'out/s', width: 9 },
    ],
  },
]
const TIME_WIDTH = 8
const ABSENT = '-'
/** Between two groups. */
const GAP = ' '

/** Two lines over the columns; they are printed again now and then. */
export function liveHeading(): string {
  const groups = GROUPS.map(({ name, columns }) => {
    const width = columns.reduce((sum, column) => sum + column.width, 0)
    return `${GAP}  ${name}`.padEnd(GAP.length + width)
  })
  const names = GROUPS.map(({ columns }) => GAP + columns.map(({ name, width }) => name.padStart(width)).join(''))
  return `${' '.repeat(TIME_WIDTH)}${groups.join('').trimEnd()}\n${'UTC'.padEnd(TIME_WIDTH)}${names.join('')}\n`
}

/** One look as a line of columns. What is absent is a dash. */
export function showLive(reading: Reading, { refCoresPerCore }: LiveOptions): string {
  const cells = GROUPS.flatMap(({ columns }) => [
    GAP,
    ...columns.map(({ measure, width }) => {
      const value = valueOf(reading, measure, refCoresPerCore)
      return ` ${Number.isNaN(value) ? ABSENT : showShort(measure, value)}`.padStart(width)
    }),
  ])
  return `${new Date(reading.at).toISOString().slice(11, 19)}${cells.join('')}\n`
}

/** What one CPU of this VM is worth (decision 0005). */
export interface LiveOptions {
  readonly refCoresPerCore: number
}

/** One look as a line of JSON: every cheap measure by its name in the schema, in the schema's unit; those that are absent by name. */
export function liveAsJson(reading: Reading, { refCoresPerCore }: LiveOptions): string {
  const measures: Record<string, number> = {}
  const absent: Measure[] = []
  for (const measure of CHEAP_MEASURES) {
    const value = valueOf(reading, measure, refCoresPerCore)
    if (Number.isNaN(value)) absent.push(measure)
    else measures[measure] = rounded(value)
  }
  const at = new Date(reading.at).toISOString()
  return `${JSON.stringify({ at, spanMs: rounded(reading.spanMs), measures, absent })}\n`
}

function valueOf({ values }: Reading, measure: Measure, refCoresPerCore: number): number {
  return values[dimensionIndex(measure)] * (measure === 'cpuRefCoresMean' ? refCoresPerCore : 1)
}

/** The unit stands in the heading where it is the same in every line. */
function showShort(measure: Measure, value: number): string {
  const { unit } = PERSONALITY_SCHEMA[dimensionIndex(measure)]
  if (unit.startsWith('fraction')) return `${Math.round(value * 100)} %`
  if (unit.startsWith('bytes')) return showAmount(value, 'bytes')
  if (unit === 'ms') return `${value.toFixed(2)} ms`
  return measure === 'runQueueLength' ? String(value) : value.toFixed(2)
}

function rounded(value: number): number {
  return Math.abs(value) >= 10 ** SIGNIFICANT_DIGITS ? Math.round(value) : Number(value.toPrecision(SIGNIFICANT_DIGITS))
}
