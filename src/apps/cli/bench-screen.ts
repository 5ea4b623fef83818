/** A host's measurement as people read it. */
import { LEFT_OUT } from '../../drivers/host-bench/plan.ts'
import type { MeasurePlan } from '../../drivers/host-bench/measure-host.ts'
import type { BenchmarkRun, HostMeasurement, MissingMeasure } from '../../terms/host-measurement.ts'
import { GiB } from '../../terms/units.ts'

const BAR_LENGTH = 12
const BAR_FULL_AT = 2
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']

/** What will run, and how long it takes. */
export function drawPlan({ phases, repetitions, wholeMs, meter, suite }: MeasurePlan): string {
  const lines = phases.map(({ loadStep, benchmarks }) => {
    const ms = benchmarks.reduce((sum, benchmark) => sum + benchmark.ms * repetitions, 0)
    const at = loadStep === 0 ? 'at rest' : `beside ${loadStep * 100} % load`
    return `  ${at.padEnd(18)} ${String(benchmarks.length).padStart(2)} benchmarks x ${repetitions}   ${seconds(ms)}\n`
  })
  const power =
    meter === undefined ? 'nothing here tells watts: they will be estimated' : `watts by ${meter.powerSource}`
  return `Plan (${suite}): about ${seconds(wholeMs)} in all; Ctrl-C ends it and keeps what is done.\n${lines.join('')}  ${power}\n`
}

export function drawMeasurement(measurement: HostMeasurement): string {
  const { runs, missing, quiet, interrupted } = measurement
  const parts = [
    headOf(measurement),
    interrupted ? '\nINTERRUPTED: what follows is what was done until then.\n' : '',
    quiet.isQuiet ? '' : `\nNOT QUIET: ${quiet.explanation}.\n`,
    runs.length === 0 ? '\nNothing was measured.\n' : tableOf(runs),
    powerOf(measurement),
    missingOf(missing),
  ]
  return parts.join('')
}

/** How far two measurements of one host are apart: what a difference between hosts must exceed to mean something. */
export function drawComparison(first: HostMeasurement, second: HostMeasurement): string {
  const rows = first.runs.flatMap((run) => {
    const other = second.runs.find((r) => r.benchmark === run.benchmark && r.loadStep === run.loadStep)
    if (other === undefined) return []
    const apart = Math.abs(run.median - other.median) / ((run.median + other.median) / 2)
    return [{ run, other, apart }]
  })
  const lines = rows.map(({ run, other, apart }) =>
    [
      `${run.benchmark}${run.loadStep === 0 ? '' : ` @${run.loadStep * 100} %`}`.padEnd(34),
      amount(run.median, run.unit).padStart(18),
      amount(other.median, other.unit).padStart(18),
      percent(apart).padStart(8),
    ].join(' '),
  )
  const sorted = rows.map(({ apart }) => apart).toSorted((a, b) => a - b)
  const median =
    sorted.length === 0 ? '' : `\nMedian distance ${percent(sorted[sorted.length >> 1])} over ${sorted.length} runs.\n`
  const head = `${'benchmark'.padEnd(34)} ${'first'.padStart(18)} ${'second'.padStart(18)} ${'apart'.padStart(8)}`
  return `${head}\n${lines.join('\n')}\n${median}`
}

function headOf({ hostId, host, durationMs, suite, measuredAt }: HostMeasurement): string {
  const { model, cpuType, cores, refCoresPerCore, memoryBytes, storageType, networkBytesPerSec } = host
  const link = networkBytesPerSec === undefined ? undefined : `${(networkBytesPerSec * 8) / 1e9} Gbit/s`
  const speed = refCoresPerCore === undefined ? undefined : `${refCoresPerCore.toFixed(2)} reference cores each`
  return [
    `Host ${hostId}: ${or(model)}, ${new Date(measuredAt).toISOString()}, ${suite} suite in ${seconds(durationMs)}`,
    `  CPU      ${or(cpuType)}`,
    `  cores    ${cores ?? 'not known'}; ${speed ?? 'speed not known'}`,
    `  memory   ${memoryBytes === undefined ? 'not known' : `${(memoryBytes / GiB).toFixed(1)} GiB`}`,
    `  storage  ${or(storageType)}`,
    `  network  ${or(link)}`,
    '',
  ].join('\n')
}

function or(text: string | undefined): string {
  return text ?? 'not known'
}

/** One line for each benchmark: at rest with its spread and bar, then what is left of it beside load. */
function tableOf(runs: readonly BenchmarkRun[]): string {
  const steps = [...new Set(runs.map(({ loadStep }) => loadStep))].filter((step) => step > 0).toSorted((a, b) => a - b)
  const names = [...new Set(runs.map(({ benchmark }) => benchmark))]
  const notes = new Map<string, number>()
  const lines = names.map((name) =>
    lineOf(
      runs.filter(({ benchmark }) => benchmark === name),
      steps,
      notes,
    ),
  )
  const left = steps.map((step) => `${step * 100} %`.padStart(6)).join('')
  const head = `${'benchmark'.padEnd(28)} ${'at rest'.padStart(17)} ${'spread'.padStart(7)} ${left}  ${'x reference'.padStart(11)}`
  const over = steps.length === 0 ? '' : `${' '.repeat(55)}left beside load\n`
  const foot = [...notes].map(([note, number]) => `  [${number}] ${note}\n`).join('')
  return `\n${over}${head}\n${lines.join('\n')}\n${foot}`
}

function lineOf(runs: readonly BenchmarkRun[], steps: readonly number[], notes: Map<string, number>): string {
  const rest = runs.find(({ loadStep }) => loadStep === 0)
  const marks = runs.flatMap(({ note }) => {
    if (note === undefined) return []
    if (!notes.has(note)) notes.set(note, notes.size + 1)
    return [`[${notes.get(note)}]`]
  })
  const left = steps
    .map((step) =>
      leftOf(
        rest,
        runs.find(({ loadStep }) => loadStep === step),
      ).padStart(6),
    )
    .join('')
  const ratio = rest?.ratioToReference
  return [
    (runs[0]?.benchmark ?? '').padEnd(28),
    (rest === undefined ? '' : amount(rest.median, rest.unit)).padStart(17),
    (rest?.spread === undefined ? '' : percent(rest.spread)).padStart(7),
    `${left} `,
    (ratio === undefined ? '' : ratio.toFixed(2)).padStart(11),
    ratio === undefined ? '' : bar(ratio),
    [...new Set(marks)].join(' '),
  ]
    .join(' ')
    .trimEnd()
}

/** Of a duration the inverse is speed. */
function leftOf(rest: BenchmarkRun | undefined, beside: BenchmarkRun | undefined): string {
  if (rest === undefined || beside === undefined || rest.median === 0 || beside.median === 0) return ''
  const share = rest.better === 'more' ? beside.median / rest.median : rest.median / beside.median
  return `${Math.round(share * 100)} %`
}

function bar(ratio: number): string {
  const eighths = Math.round((Math.min(ratio, BAR_FULL_AT) / BAR_FULL_AT) * BAR_LENGTH * 8)
  const text = '█'.repeat(eighths >> 3) + EIGHTHS[eighths & 7]
  return ratio > BAR_FULL_AT ? `${text}>` : text
}

function powerOf({ power, host }: HostMeasurement): string {
  const { powerWatts } = host
  if (powerWatts === undefined) return `\nPower: not known; ${power.explanation}.\n`
  const { errorAtIdle, errorAtFullLoad } = power
  const errors =
    errorAtIdle === undefined || errorAtFullLoad === undefined
      ? ''
      : ` Such estimates are off by ${percent(errorAtIdle)} at idle and ${percent(errorAtFullLoad)} at full load in the median.`
  const curve = powerWatts.map((watts) => Math.round(watts)).join(' ')
  return `\nPower (${power.powerSource}): ${power.explanation}.${errors}\n  ${curve} W at 0, 10, ..., 100 % load\n`
}

/** Alike reasons stand on one line. */
function missingOf(missing: readonly MissingMeasure[]): string {
  const byWish = missing.filter(({ detail }) => detail === LEFT_OUT)
  const others = missing.filter((measure) => !byWish.includes(measure))
  const wish = byWish.length === 0 ? '' : `\n${byWish.length} benchmarks were ${LEFT_OUT}.\n`
  if (others.length === 0) return wish
  const groups = Map.groupBy(others, ({ detail, remedy }) => `${detail}\n${remedy}`)
  const lines = [...groups.values()].flatMap((group) => {
    const [{ detail, remedy }] = group
    const costs = [...new Set(group.map(({ cost }) => cost))]
    return [
      `  ${group.map(({ what }) => what).join(', ')}: ${detail}`,
      ...costs.map((cost) => `      costs: ${cost}`),
      `      remedy: ${remedy}`,
    ]
  })
  return `${wish}\nMissing, and what that costs the ranking:\n${lines.join('\n')}\n`
}

function amount(value: number, unit: string): string {
  if (unit === 'bytes/s') return `${short(value / 1e6)} MB/s`
  return `${short(value)} ${unit}`
}

function short(value: number): string {
  return value >= 1000
    ? Math.round(value).toLocaleString('en-US')
    : value >= 10
      ? value.toFixed(1)
      : value.toPrecision(3)
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`
}
