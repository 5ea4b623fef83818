/** `ethos vms VM`: one VM in full: what it is, what it was like, what is expected of it. */
import {
  ageText,
  amountText,
  bytesText,
  coresNumber,
  groundsText,
  isBytes,
  isoText,
  numberText,
  spanText,
} from '../../terms/shown.ts'
import { printableJson } from '../printable.ts'
import type { CharacterView } from '../server/views/character.ts'
import type { UsageView, VectorsView, VmView } from '../server/views/vms.ts'
import { ask, type AskOptions, findLogin, type Login } from './api-client.ts'
import { ApiError } from './api-error.ts'
import { textFor, vmPath } from './site-actions.ts'
import { tableText } from './table-text.ts'

const BARS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const
/** Steps of a drawn line: a day in half hours, so that what stands beside it fits into 100 columns. */
const STEPS = 48
const STEP_MS = 1_800_000

/** A row of bars from 0 to the highest; a blank where nobody measured. */
function sparkline(values: readonly (number | null)[]): string {
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
  const character = await askCharacter(login, vm)
  if (options.json === true) {
    const told = { vm: one, vectors, usage, ...(character === undefined ? {} : { character }) }
    process.stdout.write(`${printableJson(told)}\n`)
    return
  }
  const parts = (): readonly string[] => [
    factsText(one),
    ...(character === undefined ? [] : [characterText(character)]),
    usageText(usage),
    vectorText(vectors),
  ]
  process.stdout.write(textFor(login, () => parts().join('\n')))
}

/** Undefined where the server is older, and knows of none. */
async function askCharacter(login: Login, vm: string): Promise<CharacterView | undefined> {
  try {
    return (await ask(login, { path: vmPath(vm, 'character') })) as CharacterView
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined
    throw error
  }
}

/** Of what was unlike it, so much is shown. */
const ANOMALIES_SHOWN = 3

/** What it is like, each sentence with what it rests on. */
function characterText({ sentences, anomalies }: CharacterView): string {
  if (sentences.length === 0) return 'Nothing is known of what it is like.\n'
  const lines = sentences.map(({ text, ...grounds }) => `${text}\n  (${groundsText(grounds)})\n`)
  const odd = anomalies.slice(0, ANOMALIES_SHOWN).map(({ text }) => `Unlike itself: ${text}\n`)
  return [...lines, ...odd].join('')
}

/** What it is and what binds it, a line each. */
export function factsText(view: VmView): string {
  const { vm, state, host, runs, vcpus, memoryBytes, via, vectorAgeMs, leavingTo, isPinned, isClockOff } = view
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['VM', `${vm} (${state})`],
    ['host', host === undefined ? 'nobody tells where it runs' : `${host}${runs === 'running' ? '' : ` (${runs})`}`],
    ['leaving to', leavingTo],
    ['size', vcpus === undefined ? undefined : `${vcpus} vCPUs, ${bytesText(memoryBytes ?? 0)}`],
    ['pinned', isPinned === true ? 'it stays where it is, its host says' : undefined],
    ['never with', matesText(view)],
    ['heard via', via],
    ['last vector', ageText(vectorAgeMs)],
    ['clock', isClockOff === true ? 'more than 5 minutes off' : undefined],
  ]
  return rows.map(([name, text]) => (text === undefined ? '' : `${name.padEnd(12)} ${text}\n`)).join('')
}

/** Whom it never shares a host with. Undefined: there is no such rule, or the server is older. */
function matesText({ antiAffinityGroup, groupMates = [], groupMatesLeftOut = 0 }: VmView): string | undefined {
  if (antiAffinityGroup === undefined) return undefined
  const named = groupMates.length === 0 ? 'nobody: it is alone' : groupMates.join(', ')
  const more = groupMatesLeftOut > 0 ? ` and ${numberText(groupMatesLeftOut)} more` : ''
  return `${named}${more} (group ${antiAffinityGroup}, its host says)`
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
