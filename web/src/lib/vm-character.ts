/** A VM's character as a picture: where things are drawn, and what they are called. */
import type { AxisView, CharacterView, SentenceView } from '../../../src/apps/server/views/character.ts'
import {
  ageText,
  amountText,
  isBytes,
  numberText,
  percentText,
  quantityText,
  spanText,
} from '../../../src/terms/shown.ts'

type Witness = SentenceView['toldBy']
type AxisName = AxisView['axis']

export const WITNESS_TEXT: Readonly<Record<Witness, string>> = {
  guest: 'guest-told',
  host: 'host-seen',
}
export const WITNESS_HELP: Readonly<Record<Witness, string>> = {
  guest: 'Told by the agent inside the VM, which may be mistaken or lie.',
  host: 'Counted from outside, by the host that it runs on.',
}

/** What a sentence rests on: `98 % measured, 3 min ago`. */
export function groundsText({ coverage, ageMs }: Pick<SentenceView, 'coverage' | 'ageMs'>): string {
  return [...(coverage === undefined ? [] : [`${percentText(coverage)} measured`]), ageText(ageMs)].join(', ')
}

/** How much of the character is whose word: `4 of 11 sentences guest-told, 7 host-seen`. */
export function witnessesText(sentences: readonly SentenceView[]): string {
  if (sentences.length === 0) return ''
  const guest = sentences.filter(({ toldBy }) => toldBy === 'guest').length
  return `${guest} of ${sentences.length} sentences guest-told, ${sentences.length - guest} host-seen`
}

export const AXIS_TITLES: Readonly<Record<AxisName, string>> = {
  cpu: 'CPU',
  burstiness: 'Burstiness',
  memory: 'Memory',
  dirtying: 'Dirtying',
  disk: 'Disk',
  network: 'Network',
  regularity: 'Regularity',
}

interface Point {
  readonly x: number
  readonly y: number
}

/** An axis of the radar with where it is drawn; the centre is 0, 0 and the rim 1 away. */
export interface RadarSpoke {
  readonly axis: AxisView
  readonly title: string
  readonly rim: Point
  /** Of this VM: as far out as it has more than the others of its class. Absent: there is nothing to compare. */
  readonly point?: Point
}

/** The first points up, the others follow clockwise. */
export function radarSpokes(axes: readonly AxisView[]): readonly RadarSpoke[] {
  return axes.map((axis, i) => {
    const turn = (i / axes.length) * 2 * Math.PI
    const rim = { x: Math.sin(turn), y: -Math.cos(turn) }
    const { rank } = axis
    const point = rank === undefined ? {} : { point: { x: rim.x * rank, y: rim.y * rank } }
    return { axis, title: AXIS_TITLES[axis.axis], rim, ...point }
  })
}

/** What the VM fills of the radar: a triangle between each two neighbours that both have a value, so that what is absent stays open. */
export function radarShape(spokes: readonly RadarSpoke[]): { readonly fill: string; readonly line: string } {
  const fill: string[] = []
  const line: string[] = []
  spokes.forEach(({ point }, i) => {
    const next = spokes[(i + 1) % spokes.length].point
    if (point === undefined || next === undefined || spokes.length < 3) return
    fill.push(`M0 0L${at(point)}L${at(next)}Z`)
    line.push(`M${at(point)}L${at(next)}`)
  })
  return { fill: fill.join(''), line: line.join('') }
}

/** A ring through all spokes, as a path. @param share of the way to the rim */
export function radarRing(spokes: readonly RadarSpoke[], share: number): string {
  const points = spokes.map(({ rim }) => at({ x: rim.x * share, y: rim.y * share }))
  return points.length < 3 ? '' : `M${points.join('L')}Z`
}

const at = ({ x, y }: Point): string => `${x.toFixed(3)} ${y.toFixed(3)}`

/** `0.31 reference cores`, `31 % of its size` where it is a share, and a ratio alone; why there is none, where there is none. */
export function axisValueText({ value, unit, absent }: AxisView): string {
  if (value === undefined) return absent ?? 'not known'
  const whole = wholeOf(unit)
  if (unit.includes(' over ')) return numberText(value)
  return whole === undefined ? quantityText(value, unit) : `${percentText(value)} of ${whole}`
}

/** Quartiles of its class: `0.12 · 0.30 · 0.71`; the unit stands beside the value. */
export function quartilesText({ quartiles, unit }: AxisView): string {
  if (quartiles === undefined) return '–'
  const { p25, p50, p75 } = quartiles
  const show = (value: number): string =>
    wholeOf(unit) === undefined ? amountText(value, isBytes(unit) ? unit : '') : percentText(value)
  return [p25, p50, p75].map(show).join(' · ')
}

/** What a share is of: `its size` of `share of its size`. */
function wholeOf(unit: string): string | undefined {
  return /^(?:share|fraction) of (.+)$/.exec(unit)?.[1]
}

/** What nobody knows, shortly: `io pressure: its kernel has no PSI`; of a list how many there are: `34 quantities: no agent in the guest`. */
export function absentText({ what, why }: CharacterView['absent'][number]): string {
  const names = what.split(', ')
  return `${names.length === 1 ? what : `${names.length} quantities`}: ${why}`
}

/** Where among its class: `more than 83 % of 41 VMs`. */
export function rankText({ rank, quartiles }: AxisView): string {
  if (rank === undefined) return 'nothing to compare it with'
  return `more than ${percentText(rank)}${quartiles === undefined ? '' : ` of ${quartiles.vms} VMs`}`
}

export const WEEKDAY_TITLES = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'] as const

/** Highest hour of the week; undefined: nothing was measured. */
export function weekMost({ days }: CharacterView['week']): number | undefined {
  const measured = days.flat().filter((value) => value !== null)
  return measured.length === 0 ? undefined : Math.max(...measured)
}

/** `Tue 14:00 to 15:00 UTC: 1.25 reference cores`. */
export function hourOfWeekText(
  { unit }: CharacterView['week'],
  day: number,
  hour: number,
  value: number | null,
): string {
  const from = `${String(hour).padStart(2, '0')}:00`
  const to = `${String(hour + 1).padStart(2, '0')}:00`
  const what = value === null ? 'not measured' : quantityText(value, unit)
  return `${WEEKDAY_TITLES[day] ?? ''} ${from} to ${to} UTC: ${what}`
}

/** One phase over the week. */
export interface PhaseLane {
  readonly phase: number
  readonly name: string
  /** Of the time that any phase is known of. */
  readonly share: number
  /** Bars as the path of an SVG, 1000 wide and 1 high. */
  readonly path: string
}

/** Width of the paths of lanes. */
export const LANE_WIDTH = 1000

/** Lanes by number of the phase. @param span that is drawn, from first to last */
export function phaseLanes(
  segments: CharacterView['phases']['segments'],
  span: { readonly from: number; readonly to: number },
): readonly PhaseLane[] {
  const place = (instant: number): number =>
    Math.min(1, Math.max(0, (instant - span.from) / (span.to - span.from))) * LANE_WIDTH
  const lanes = new Map<number, { name: string; ms: number; path: string }>()
  let all = 0
  for (const { from, to, phase, name } of segments) {
    const lane = lanes.get(phase) ?? { name, ms: 0, path: '' }
    const begin = place(from)
    lane.path += `M${begin.toFixed(1)} 0h${(place(to) - begin).toFixed(1)}v1H${begin.toFixed(1)}z`
    lane.ms += to - from
    all += to - from
    lanes.set(phase, lane)
  }
  return [...lanes]
    .toSorted(([a], [b]) => a - b)
    .map(([phase, { name, ms, path }]) => ({ phase, name, share: all === 0 ? 0 : ms / all, path }))
}

/** `It repeats itself every 24 h; that explains 61 % of its ups and downs.` */
export function rhythmText({ periodMs, strength, absent }: CharacterView['rhythm']): string {
  if (periodMs === undefined) return absent ?? 'No rhythm is known.'
  const share = strength === undefined ? '' : `; that explains ${percentText(strength)} of its ups and downs`
  return `It repeats itself every ${spanText(periodMs)}${share}.`
}
