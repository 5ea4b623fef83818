/** `ethos vms VM`: one VM in full: what it is, what it was like, what is expected of it. */
import { ageText, amountText, bytesText, coresNumber, isBytes, isoText, spanText } from '../../terms/shown.ts'
import { printableJson } from '../printable.ts'
import type { UsageView, VectorsView, VmView } from '../server/views/vms.ts'
import { ask, type AskOptions, findLogin } from './api-client.ts'
import { textFor, vmPath } from './site-actions.ts'
import { tableText } from './table-text.ts'

const BARS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const
/** Steps of a drawn line: a day in half hours, so that what stands beside it fits into 100 columns. */
const STEPS = 48
const STEP_MS = 1_800_000

/** A row of bars from 0 to the highest; a blank where nobody measured. */
export function sparkline(values: readonly (number | null)[]): string {
  const highest = Math.max(...values.map((value) => value ?? 0))
  return values
    .map((value) => (value === null ? ' ' : BARS[highest <= 0 ? 0 : Math.min(7, Math.floor((value / highest) * 8))]))
    .join('')
}

export async function showVm(vm: string, options: AskOptions): Promise<void> {
  const login = findLogin(options)
  const one = (await ask(login, { path: vmPath(vm) })) as VmView
  const vectors = (await ask(login, { path: vmPath(vm, 'vectors'), query: { limit: 1 } })) as VectorsView
  const to = Date.now()
  const span = { from: to - STEPS * STEP_MS, to, stepMs: STEP_MS }
  const usage = (await ask(login, { path: vmPath(vm, 'usage'), query: span })) as UsageView
  if (options.json === true) process.stdout.write(`${printableJson({ vm: one, vectors, usage })}\n`)
  else process.stdout.write(textFor(login, () => [factsText(one), usageText(usage), vectorText(vectors)].join('\n')))
}

function factsText({
  vm,
  state,
  host,
  runs,
  vcpus,
  memoryBytes,
  via,
  vectorAgeMs,
  leavingTo,
  isClockOff,
}: VmView): string {
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['VM', `${vm} (${state})`],
    ['host', host === undefined ? 'nobody tells where it runs' : `${host}${runs === 'running' ? '' : ` (${runs})`}`],
    ['leaving to', leavingTo],
    ['size', vcpus === undefined ? undefined : `${vcpus} vCPUs, ${bytesText(memoryBytes ?? 0)}`],
    ['heard via', via],
    ['last vector', ageText(vectorAgeMs)],
    ['clock', isClockOff === true ? 'more than 5 minutes off' : undefined],
  ]
  return rows.map(([name, text]) => (text === undefined ? '' : `${name.padEnd(12)} ${text}\n`)).join('')
}

function usageText({ resources, steps, stepMs }: UsageView): string {
  const rows = Object.entries(resources)
  if (rows.length === 0) return 'No usage is known of the last day.\n'
  const lines = rows.map(([name, { unit, mean, max }]) => {
    const highest = [...max, ...mean].reduce<number>((most, value) => Math.max(most, value ?? 0), 0)
    const top = isBytes(unit) ? amountText(highest, unit) : `${coresNumber(highest)} ${unit}`
    return `${name.padEnd(12)} ${sparkline(mean)} up to ${top}\n`
  })
  return `The last ${spanText(steps * stepMs)}:\n${lines.join('')}`
}

function vectorText({ vectors, dimensions }: VectorsView): string {
  const newest = vectors.at(-1)
  if (newest === undefined) return 'No personality has been told yet.\n'
  const rows = dimensions.filter(({ name }) => name in newest.values)
  const absent = dimensions.length - rows.length
  const table = tableText(
    [
      { head: 'dimension', cell: ({ name }: (typeof rows)[number]) => name },
      { head: 'value', cell: ({ name, unit }) => amountText(newest.values[name], unit), align: 'right' },
      { head: 'unit', cell: ({ unit }) => (isBytes(unit) ? '' : unit) },
    ],
    rows,
  )
  const ended = isoText(newest.windowEnd)
  return `Personality of the ${spanText(newest.windowMs)} up to ${ended}; ${absent} of ${dimensions.length} dimensions are absent:\n${table}`
}
